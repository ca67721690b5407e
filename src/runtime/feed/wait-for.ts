import { Observable } from 'rxjs'
import type { Clock } from '../../ports/clock.ts'

/** One value, after this much monotonic time. */
export const waitFor = (clock: Clock, delayMs: number): Observable<void> =>
  new Observable(subscriber =>
    clock.after(delayMs, () => {
      subscriber.next()
      subscriber.complete()
    }),
  )

/** Where the keyboard is: it goes on from where it was, also when that is not there any more. */
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'

/** Controls that give way to others hand the focus on to the first of those that fits. */
export function useFocusHandedOn<Box extends HTMLElement>(shown: unknown, selector: string) {
  const box = useRef<Box>(null)
  const before = useRef(shown)
  useLayoutEffect(() => {
    if (shown !== before.current) box.current?.querySelector<HTMLElement>(selector)?.focus()
    before.current = shown
  }, [shown])
  return box
}

/** One of a list that goes away with the focus in it hands that on: to the next one, the one before, or the heading of the list. */
export function useFocusInherited() {
  const box = useRef<HTMLLIElement>(null)
  useLayoutEffect(() => {
    const gone = box.current
    return () => {
      if (!gone?.contains(document.activeElement)) return
      const neighbour = gone.nextElementSibling ?? gone.previousElementSibling
      const heir = neighbour?.querySelector('button') ?? gone.parentElement?.previousElementSibling
      if (heir instanceof HTMLElement) heir.focus()
    }
  }, [])
  return box
}

/** Who follows a link that is not there any more in the next view goes on at the beginning of that, and not at the top of the page. */
export function useFocusKept(view: unknown) {
  const main = useRef<HTMLElement>(null)
  const before = useRef(view)
  useEffect(() => {
    if (view !== before.current && document.activeElement === document.body) main.current?.focus({ preventScroll: true })
    before.current = view
  }, [view])
  return main
}

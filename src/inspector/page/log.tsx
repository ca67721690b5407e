import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { hrefOf } from './route.ts'
import { log, paused, skipped, want } from './stream.ts'
import { clockMs, shownPlace, stateText } from './words.ts'

const filter = signal('')
const SHOWN = 200

export function Log() {
  useEffect(() => {
    want({ log: true })
    return () => want({ log: false })
  }, [])
  const wanted = filter.value.trim().toLowerCase()
  const lines = log.value.filter(({ actor, event }) => wanted === '' || `${actor} ${event}`.toLowerCase().includes(wanted)).slice(-SHOWN)
  return (
    <section class="log">
      <form class="filters" onSubmit={event => event.preventDefault()}>
        <button
          type="button"
          aria-pressed={paused.value}
          onClick={() => {
            paused.value = !paused.value
          }}
        >
          {paused.value ? 'go on' : 'pause'}
        </button>
        <input
          type="search"
          aria-label="Filter events"
          placeholder="Filter: alice, reply.sent …"
          value={filter.value}
          onInput={event => {
            filter.value = event.currentTarget.value
          }}
        />
        <button
          type="button"
          onClick={() => {
            log.value = []
            skipped.value = 0
          }}
        >
          clear
        </button>
        <output>
          {lines.length} shown{skipped.value > 0 && `, ${skipped.value.toLocaleString('en')} too many to show`}
        </output>
      </form>
      {lines.length === 0 ? (
        <p class="empty">{log.value.length > 0 ? 'No event fits.' : 'No event since this view was opened.'}</p>
      ) : (
        <ol class="lines">
          {lines.toReversed().map((line, at) => (
            <li key={lines.length - at}>
              <time>{clockMs(line.atMs)}</time>
              <a href={hrefOf({ view: 'chart', account: line.account, actor: line.actor })}>
                {line.actor.replace(/^([a-z]+:)(.*)$/s, (_, kind, name) => kind + shownPlace(name))}
              </a>
              <b>{line.event}</b>
              <span>
                {line.guards.map(guard => (
                  <span key={guard.name} class={guard.passed ? 'guard passed' : 'guard failed'}>
                    {guard.passed ? '✓' : '✗'} {guard.name}
                  </span>
                ))}
              </span>
              <span class="soft">{stateText(line.value)}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  )
}

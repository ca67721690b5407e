import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { hrefOf } from './route.ts'
import { hasSeveral, log, paused, skipped, want } from './stream.ts'
import { clockMs, plain, shownPlace, stateText } from './words.ts'

const filter = signal('')
const SHOWN = 200
/** An actor that is called like its account. */
const NAMES_ACCOUNT = /^(?:account|snapshot):/

export function Log() {
  useEffect(() => {
    want({ log: true })
    return () => want({ log: false })
  }, [])
  const wanted = filter.value.trim().toLowerCase()
  const lines = log.value
    .filter(({ account, actor, event }) => wanted === '' || `${account} ${actor} ${event}`.toLowerCase().includes(wanted))
    .slice(-SHOWN)
  return (
    <section class="log">
      <form class="filters" onSubmit={event => event.preventDefault()}>
        <button
          type="button"
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
        <output aria-live="off">
          {lines.length} shown{lines.length > 0 && ', the newest first'}
          {paused.value && '; paused'}
          {skipped.value > 0 && `; ${skipped.value.toLocaleString('en')} came too fast to be shown`}
        </output>
      </form>
      {lines.length === 0 ? (
        <p class="empty">
          {log.value.length > 0
            ? 'No event has that in its name, its actor’s or its account’s: clear the filter to see all.'
            : paused.value
              ? 'Paused: “go on” shows what comes from then on.'
              : 'No event since this view was opened. The next message of anybody makes some.'}
        </p>
      ) : (
        <ol class="lines">
          {lines.toReversed().map((line, at) => (
            <li key={lines.length - at}>
              <time>{clockMs(line.atMs)}</time>
              <a href={hrefOf({ view: 'chart', account: line.account, actor: line.actor })}>
                {hasSeveral() && !NAMES_ACCOUNT.test(line.actor) && `${plain(line.account)} › `}
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

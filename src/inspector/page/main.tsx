/** The page: which view is shown, and around it what holds for all of them. */
import { render } from 'preact'
import { useEffect } from 'preact/hooks'
import { Actors } from './actors.tsx'
import { Chart } from './chart.tsx'
import { Chat } from './chat.tsx'
import { Composer } from './composer.tsx'
import { useFocusKept } from './focus.ts'
import { Log } from './log.tsx'
import { Overview } from './overview.tsx'
import { Requests, said } from './requests.tsx'
import { route } from './route.ts'
import { connect, connection, lostAtMs, overview, seen, takeToken, version } from './stream.ts'
import { clock, zone } from './words.ts'

const VIEWS = [
  ['overview', '#/', 'Overview'],
  ['actors', '#/actors', 'Actors'],
  ['requests', '#/requests', 'Requests'],
  ['log', '#/log', 'Events'],
] as const

const CONNECTIONS = { connecting: 'connecting…', live: 'connected', lost: 'connection lost, trying again…', refused: 'not let in' } as const
const SAID_MS = 6_000

function Page() {
  const { value: now } = route
  const state = connection.value
  const waiting = overview.value?.reduce((sum, { pairings, deadLetters }) => sum + pairings.length + deadLetters.length, 0) ?? 0
  useEffect(() => {
    // What went wrong stays until somebody has read it.
    if (!said.value?.ok) return
    const timer = setTimeout(() => {
      said.value = null
    }, SAID_MS)
    return () => clearTimeout(timer)
  }, [said.value])
  const main = useFocusKept(now)
  return (
    <>
      <header class="top">
        <h1>ztm-chat</h1>
        <nav aria-label="Views">
          {VIEWS.map(([view, href, name]) => (
            <a key={view} href={href} aria-current={now.view === view ? 'page' : undefined}>
              {name} {view === 'requests' && waiting > 0 && <span class="count">{waiting}</span>}
            </a>
          ))}
        </nav>
        <output class={`badge connection ${state}`}>{CONNECTIONS[state]}</output>
      </header>
      <main class={state === 'lost' ? 'stale' : ''} ref={main} tabIndex={-1}>
        {state === 'lost' && (
          <p class="trouble">
            No connection to the bot since {clock(lostAtMs.value)}: what is shown is from then. The page comes back by itself when the bot
            does; if it was started anew, open the address that it prints.
          </p>
        )}
        {state === 'refused' ? (
          <p class="empty">
            The token is missing or wrong. Open the address that was printed when the inspector was started; it holds for as long as that
            runs. In OpenClaw it is in the file <code>ztm-chat/inspector-url</code> of the state directory.
          </p>
        ) : (
          <View />
        )}
      </main>
      {state !== 'refused' && <Composer />}
      <footer class="soft">
        {version.value && `version ${version.value} · `}times in {zone()} · {seen.value ?? 'at most ten updates a second'}
      </footer>
      <output class={`said ${said.value === null ? '' : said.value.ok ? 'ok' : 'bad'}`} aria-live="polite">
        {said.value?.text}
        {said.value?.ok === false && (
          <button
            type="button"
            onClick={() => {
              said.value = null
              main.current?.focus()
            }}
          >
            close
          </button>
        )}
      </output>
    </>
  )
}

function View() {
  const { value: now } = route
  switch (now.view) {
    case 'overview':
      return <Overview />
    case 'actors':
      return <Actors />
    case 'requests':
      return <Requests />
    case 'log':
      return <Log />
    case 'chart':
      return <Chart key={now.actor} account={now.account} actor={now.actor} />
    case 'chat':
      return <Chat key={now.chat} account={now.account} chat={now.chat} />
    default:
      return now satisfies never
  }
}

const token = takeToken()
const place = document.getElementById('page')
if (place) render(<Page />, place)
connect(token)

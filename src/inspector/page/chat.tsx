import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import type { Life, Moment } from '../../runtime/life.ts'
import { AccountLink } from './overview.tsx'
import { hrefOf } from './route.ts'
import { chat, overview, want } from './stream.ts'
import { clock, clockMs, duration, plain, plainLines, shownName, shownPlace } from './words.ts'

/** Pixels. */
const NEAR_END = 40

export function Chat({ account, chat: name }: { account: string; chat: string }) {
  useEffect(() => {
    want({ chat: { account, chat: name as `peer:${string}` } })
    return () => want({ chat: null })
  }, [account, name])
  const told = chat.value
  useAtEnd(told)
  return (
    <section class="conversation">
      <header class="title">
        <h2>{shownPlace(name)}</h2>
        <AccountLink account={account} />
        <nav aria-label="Its charts">
          <span class="soft">charts:</span>
          <a href={hrefOf({ view: 'chart', account, actor: `chat:${name}` })}>chat</a>
          <a href={hrefOf({ view: 'chart', account, actor: `outbox:${name}` })}>outbox</a>
        </nav>
      </header>
      {overview.value?.every(({ status }) => status.account !== account) ? (
        <p class="empty">No account “{plain(account)}” runs here.</p>
      ) : told === null || told === undefined ? (
        <p class="empty">Reading the journal…</p>
      ) : told.lives.length === 0 ? (
        <p class="empty">
          No message of this chat is in the history, which goes back 7 days unless the config says otherwise (limits.historyMs). The next
          one shows up here by itself.
        </p>
      ) : (
        <ol class="lives">
          {told.lives.map(life => (
            <Message key={life.id} life={life} />
          ))}
        </ol>
      )}
    </section>
  )
}

/** The newest is last: the window shows it from the first on, and follows it until somebody looks further up. */
function useAtEnd(changing: unknown): void {
  const isAtEnd = useRef(true)
  useEffect(() => {
    const page = document.documentElement
    const look = () => {
      isAtEnd.current = page.scrollTop + page.clientHeight > page.scrollHeight - NEAR_END
    }
    addEventListener('scroll', look, { passive: true })
    return () => removeEventListener('scroll', look)
  }, [])
  useLayoutEffect(() => {
    if (isAtEnd.current) scrollTo(0, document.documentElement.scrollHeight)
  }, [changing])
}

const STAGES: readonly (readonly [Moment['what'], string])[] = [
  ['accepted', 'decided'],
  ['answered', 'answered'],
  ['reply posted', 'posted'],
  ['reply confirmed', 'confirmed'],
]

/** What a message, or a reply to it, has come to after it was given up. */
const ENDS: ReadonlySet<Moment['what']> = new Set(['dead letter', 'tried again by hand', 'given up by hand'])

function Message({ life }: { life: Life }) {
  const { sender, text, timeMs, decision, explanation, moments, id } = life
  const replies = moments.filter(({ what, detail }) => what === 'reply queued' && detail !== undefined)
  const fromMs = moments[0]?.atMs ?? 0
  const end = moments.findLast(({ what }) => ENDS.has(what))
  const isGivenUp = end?.what === 'dead letter'
  return (
    <li class={`life ${isGivenUp ? 'given-up' : decision.action}`}>
      <div class="head">
        <b>{sender === '' ? '(no name)' : shownName(sender)}</b>
        <time class="soft">{clock(timeMs ?? fromMs)}</time>
        <span class={`badge ${decision.action}`}>
          {decision.action} · {decision.reason}
        </span>
      </div>
      <p class="text">{text === null ? <span class="soft">its text is not kept</span> : plainLines(text)}</p>
      <p class="why">{plain(explanation?.sentence ?? decision.detail)}</p>
      {isGivenUp && (
        <p class="trouble">
          Given up: {plain(end.detail ?? 'no reason is kept')}. <a href={hrefOf({ view: 'requests' })}>Try it again, or drop it</a>
        </p>
      )}
      {decision.action === 'pairing' && (
        <p>
          <a href={hrefOf({ view: 'requests' })}>Let them in, or not</a>
        </p>
      )}
      {decision.action === 'process' && (
        <ol class="stages" aria-label="What became of it">
          {STAGES.map(([what, word]) => {
            const found = moments.findLast(moment => moment.what === what)
            return (
              <li key={what} class={found ? 'done' : ''}>
                {word}{' '}
                {found && (
                  <span class="soft">{what === 'accepted' ? clockMs(found.atMs) : `+${duration(Math.max(0, found.atMs - fromMs))}`}</span>
                )}
              </li>
            )
          })}
        </ol>
      )}
      {replies.map(({ key, detail }) => (
        <p class="reply" key={key}>
          {plainLines(detail ?? '')}
        </p>
      ))}
      <details onToggle={event => event.currentTarget.scrollIntoView({ block: 'nearest' })}>
        <summary>{explanation ? 'why, and every step' : 'every step'}</summary>
        {explanation && (
          <>
            <ul class="rules">
              {explanation.rules.map(({ question, answer, decides }) => (
                <li key={question} class={decides ? 'decides' : ''}>
                  {plain(question)} <b>{plain(answer)}</b>
                </li>
              ))}
            </ul>
            {explanation.otherwise.length > 0 && (
              <p>
                {explanation.otherwise[0]?.action === 'process' ? 'It would be passed on if ' : 'It would not be answered if '}
                {explanation.otherwise.map(({ changes }) => plain(changes.join(' and '))).join(', or if ')}.
              </p>
            )}
          </>
        )}
        <ul class="moments">
          {moments.map((moment, at) => (
            <li key={`${moment.atMs}-${at}`} class={moment.what === 'dead letter' || moment.what === 'failed' ? 'bad' : ''}>
              <time>{clockMs(moment.atMs)}</time> {moment.what}
              {moment.detail !== undefined && moment.what !== 'reply queued' && `: ${plain(moment.detail)}`}
            </li>
          ))}
        </ul>
        <p class="soft">id {id}</p>
      </details>
    </li>
  )
}

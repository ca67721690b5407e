import type { AccountOverview, Quantiles } from '../protocol.ts'
import { hrefOf } from './route.ts'
import { hasSeveral, nowMs, overview } from './stream.ts'
import { age, ago, duration, plain } from './words.ts'

export function Overview() {
  const accounts = overview.value
  if (accounts === null) return <p class="empty">Waiting for the first figures…</p>
  if (accounts.length === 0) return <p class="empty">No account runs here. When one is started it shows up by itself.</p>
  return (
    <div class="cards">
      {accounts.map(account => (
        <Account key={account.status.account} {...account} />
      ))}
    </div>
  )
}

/** Whose an actor or a conversation is, where it could be another’s: names of chats are the same in each. */
export function AccountLink({ account }: { account: string }) {
  if (!hasSeveral()) return null
  return (
    <span class="soft">
      account <a href={hrefOf({ view: 'chart', account, actor: `account:${account}` })}>{plain(account)}</a>
    </span>
  )
}

function Account({ status, perSecond, latency, pairings, deadLetters }: AccountOverview) {
  const { account, state, reason, counters } = status
  const now = nowMs.value
  const ignored = Object.entries(counters.ignored).sort(([, one], [, other]) => other - one)
  return (
    <section class="card" aria-label={`Account ${plain(account)}`}>
      <header>
        <h2>
          <a href={hrefOf({ view: 'chart', account, actor: `account:${account}` })}>{plain(account)}</a>
        </h2>
        <span class={`badge ${state}`}>{state}</span>
        <span class="soft">for {age(now - status.sinceMs)}</span>
      </header>
      {reason !== null && state !== 'live' && <p class="trouble">{plain(reason)}</p>}
      {status.warnings.map(warning => (
        <p class="warning" key={warning}>
          {plain(warning)}
        </p>
      ))}
      <Spark {...perSecond} />
      <dl class="figures">
        <Figure name="messages seen" value={counters.seen} />
        <Figure name="let through" value={counters.processed} />
        <Figure name="replies confirmed" value={counters.sent} />
        <Figure
          name="at the responder"
          value={status.runningDispatches}
          more={status.waitingDispatches > 0 ? `+${status.waitingDispatches} waiting` : ''}
        />
        <Figure name="replies to send" value={status.outbox} more={status.uncertain > 0 ? `${status.uncertain} uncertain` : ''} />
        <Figure name="chats" value={status.chats} />
        <Figure name="pairing requests" value={pairings.length} href="#/requests" isUrgent={pairings.length > 0} />
        <Figure name="dead letters" value={counters.deadLetters} href="#/requests" isUrgent={deadLetters.length > 0} />
      </dl>
      <table class="latency">
        <caption>From the decision, newest 500 messages</caption>
        <thead>
          <tr>
            <th scope="col">until</th>
            <th scope="col">half within</th>
            <th scope="col">95 % within</th>
          </tr>
        </thead>
        <tbody>
          <Latency name="asked" found={latency.dispatched} />
          <Latency name="reply posted" found={latency.posted} />
          <Latency name="reply seen on the mesh" found={latency.confirmed} />
        </tbody>
      </table>
      <p class="soft">
        Feed: {status.feed ?? 'none'}
        {status.feedLagMs !== null && `, ${duration(status.feedLagMs)} behind the hub`}; last news {ago(status.lastFeedAtMs, now)}. Last
        message {ago(status.lastInboundAtMs, now)}, last reply {ago(status.lastOutboundAtMs, now)}.
        {counters.repeatedPosts > 0 && ` ${counters.repeatedPosts} replies were posted again.`}
      </p>
      {ignored.length > 0 && (
        <p class="reasons">
          Not answered:{' '}
          {ignored.map(([why, count]) => (
            <span class="chip" key={why}>
              {plain(why)} <b>{count}</b>
            </span>
          ))}
        </p>
      )}
    </section>
  )
}

function Figure({
  name,
  value,
  more = '',
  href,
  isUrgent = false,
}: {
  name: string
  value: number
  more?: string
  href?: string
  isUrgent?: boolean
}) {
  const shown = value.toLocaleString('en')
  return (
    <div class={isUrgent ? 'figure urgent' : 'figure'}>
      <dt>{name}</dt>
      <dd>
        {href ? <a href={href}>{shown}</a> : shown}
        {more !== '' && <small> {more}</small>}
      </dd>
    </div>
  )
}

function Latency({ name, found }: { name: string; found: Quantiles }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{found ? duration(found.p50) : '–'}</td>
      <td>{found ? duration(found.p95) : '–'}</td>
    </tr>
  )
}

const WIDTH = 300
const HEIGHT = 44

function Spark({ decided, confirmed }: AccountOverview['perSecond']) {
  const most = Math.max(0, ...decided, ...confirmed)
  const line = (counts: readonly number[]) =>
    counts
      .map(
        (count, at) =>
          `${((at / (counts.length - 1)) * WIDTH).toFixed(1)},${(HEIGHT - 2 - (count / Math.max(1, most)) * (HEIGHT - 6)).toFixed(1)}`,
      )
      .join(' ')
  const rate = (counts: readonly number[]) => (counts.slice(-10).reduce((sum, count) => sum + count, 0) / 10).toFixed(1)
  const said = `${rate(decided)} messages and ${rate(confirmed)} replies a second`
  return (
    <figure class="spark">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={said}>
        <polyline class="decided" points={line(decided)} />
        <polyline class="confirmed" points={line(confirmed)} />
      </svg>
      <figcaption>
        <span class="decided">{rate(decided)} messages/s</span>, <span class="confirmed">{rate(confirmed)} replies/s</span>{' '}
        <span class="soft">in the last 10 s; most in a second of this minute: {most}</span>
      </figcaption>
    </figure>
  )
}

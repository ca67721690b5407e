import { signal } from '@preact/signals'
import type { Act } from '../protocol.ts'
import { hrefOf } from './route.ts'
import { act, approveCommand, mayAct, nowMs, overview } from './stream.ts'
import { ago, duration, plain, shownName, shownPlace } from './words.ts'

export const said = signal<{ readonly ok: boolean; readonly text: string } | null>(null)
const busy = signal<ReadonlySet<string>>(new Set())

export async function perform(what: Act, key: string): Promise<boolean> {
  busy.value = new Set(busy.value).add(key)
  const { ok, said: text } = await act(what)
  const left = new Set(busy.value)
  left.delete(key)
  busy.value = left
  said.value = { ok, text }
  return ok
}

export function Requests() {
  const accounts = overview.value
  if (accounts === null) return <p class="empty">Waiting for the first figures…</p>
  const pairings = accounts.flatMap(({ status, pairings: all }) => all.map(one => ({ account: status.account, ...one })))
  const letters = accounts.flatMap(({ status, deadLetters }) => deadLetters.map(one => ({ account: status.account, ...one })))
  const now = nowMs.value
  return (
    <section class="requests">
      {!mayAct.value && <p class="warning">This page may only look: use the command line to act.</p>}
      <h2>Pairing requests</h2>
      {pairings.length === 0 ? (
        <p class="empty">Nobody waits to be let in.</p>
      ) : (
        <ul class="items">
          {pairings.map(({ account, user, code, openedAtMs, expiresAtMs, held }) => (
            <li key={`${account}/${user}`} class="item">
              <div>
                <b>{shownName(user)}</b> asks to be let in with the code <code>{plain(code)}</code>
                <div class="soft">
                  {ago(openedAtMs, now)}, {held} {held === 1 ? 'message' : 'messages'} kept, expires in{' '}
                  {duration(Math.max(0, expiresAtMs - now))} · {plain(account)}
                </div>
              </div>
              {approveCommand.value === null ? (
                <Buttons
                  keyOf={`${account}/${code}`}
                  choices={[
                    ['approve', { do: 'approve', account, code }],
                    ['reject', { do: 'reject', account, code }],
                  ]}
                />
              ) : (
                <div>
                  To let them in, run <code>{plain(`${approveCommand.value} ${code} --account ${account}`)}</code>
                </div>
              )}
            </li>
          ))}
        </ul>
      )}
      <h2>Dead letters</h2>
      {letters.length === 0 ? (
        <p class="empty">Nothing was given up.</p>
      ) : (
        <ul class="items">
          {letters.toReversed().map(({ account, id, kind, chat, atMs, reason }) => (
            <li key={`${account}/${id}`} class="item">
              <div>
                <b>{kind}</b> in <a href={hrefOf({ view: 'chat', account, chat })}>{shownPlace(chat)}</a>: {plain(reason)}
                <div class="soft">
                  {ago(atMs, now)} · {plain(id)} · {plain(account)}
                </div>
              </div>
              <Buttons
                keyOf={`${account}/${id}`}
                choices={[
                  ['retry', { do: 'retry', account, id }],
                  ['drop', { do: 'drop', account, id }],
                ]}
              />
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function Buttons({ keyOf, choices }: { keyOf: string; choices: readonly (readonly [string, Act])[] }) {
  if (!mayAct.value) return null
  return (
    <div class="buttons">
      {choices.map(([name, what], at) => (
        <button
          type="button"
          key={name}
          class={at === 0 ? 'first' : ''}
          disabled={busy.value.has(keyOf)}
          onClick={() => void perform(what, keyOf)}
        >
          {name}
        </button>
      ))}
    </div>
  )
}

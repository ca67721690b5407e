import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { Act } from '../protocol.ts'
import { useFocusHandedOn, useFocusInherited } from './focus.ts'
import { hrefOf } from './route.ts'
import { act, approveCommand, hasSeveral, mayAct, nowMs, overview } from './stream.ts'
import { ago, clock, duration, plain, shownName, shownPlace } from './words.ts'

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
      {!mayAct.value && (
        <p class="warning">
          This page may only look. To act: <code>ztm-chat pairing --help</code>, <code>ztm-chat deadletter --help</code>
        </p>
      )}
      <h2 tabIndex={-1}>Pairing requests</h2>
      {pairings.length === 0 ? (
        <p class="empty">Nobody waits to be let in. A stranger who writes to the bot shows up here, with a code (dmPolicy "pairing").</p>
      ) : (
        <ul class="items">
          {pairings.map(({ account, user, code, openedAtMs, expiresAtMs, held }) => (
            <Item key={`${account}/${user}`}>
              <div>
                <b>{shownName(user)}</b> asks to be let in with the code <code>{plain(code)}</code>
                <div class="soft">
                  {clock(openedAtMs)}, {ago(openedAtMs, now)} ·{' '}
                  <a href={hrefOf({ view: 'chat', account, chat: `peer:${user}` })}>
                    {held} {held === 1 ? 'message' : 'messages'} kept
                  </a>{' '}
                  · expires in {duration(Math.max(0, expiresAtMs - now))}
                  {hasSeveral() && ` · account ${plain(account)}`}
                </div>
              </div>
              {approveCommand.value === null ? (
                <Buttons
                  keyOf={`${account}/${code}`}
                  of={shownName(user)}
                  choices={[
                    { name: 'approve', act: { do: 'approve', account, code } },
                    {
                      name: 'reject',
                      act: { do: 'reject', account, code },
                      question: `Reject ${shownName(user)}? What they wrote stays unanswered.`,
                    },
                  ]}
                />
              ) : (
                <div>
                  To let them in, run <code>{plain(`${approveCommand.value} ${code} --account ${account}`)}</code>
                </div>
              )}
            </Item>
          ))}
        </ul>
      )}
      <h2 tabIndex={-1}>Dead letters</h2>
      {letters.length === 0 ? (
        <p class="empty">Nothing was given up. A message or a reply whose last attempt failed shows up here, to be tried again.</p>
      ) : (
        <ul class="items">
          {letters.toReversed().map(({ account, id, kind, chat, atMs, reason }) => (
            <Item key={`${account}/${id}`}>
              <div>
                <b>{kind}</b> in <a href={hrefOf({ view: 'chat', account, chat })}>{shownPlace(chat)}</a>: {plain(reason)}
                <div class="soft">
                  {clock(atMs)}, {ago(atMs, now)}
                  {hasSeveral() && ` · account ${plain(account)}`} · id {plain(id)}
                </div>
              </div>
              <Buttons
                keyOf={`${account}/${id}`}
                of={`the ${kind} in ${shownPlace(chat)}`}
                choices={[
                  { name: 'retry', act: { do: 'retry', account, id } },
                  { name: 'drop', act: { do: 'drop', account, id }, question: `Drop this ${kind} for good?` },
                ]}
              />
            </Item>
          ))}
        </ul>
      )}
    </section>
  )
}

function Item({ children }: { children: ComponentChildren }) {
  const box = useFocusInherited()
  return (
    <li class="item" ref={box}>
      {children}
    </li>
  )
}

type Choice = {
  readonly name: string
  readonly act: Act
  /** Asked before it is done, as it cannot be taken back. */
  readonly question?: string
}

function Buttons({ keyOf, of, choices }: { keyOf: string; of: string; choices: readonly Choice[] }) {
  const [asked, setAsked] = useState<Choice | null>(null)
  // The first is to keep things as they are; and back to the button that asked.
  const box = useFocusHandedOn<HTMLFieldSetElement>(asked, asked ? 'button' : 'button.asks')
  if (!mayAct.value) return null
  const isBusy = busy.value.has(keyOf)
  // A button that is disabled loses the focus.
  const go = ({ act: what }: Choice) => !isBusy && void perform(what, keyOf)
  return asked ? (
    <fieldset
      class="buttons"
      ref={box}
      onKeyDown={event => {
        if (event.key === 'Escape') setAsked(null)
      }}
    >
      <legend>{asked.question}</legend>
      <button type="button" onClick={() => setAsked(null)}>
        cancel
      </button>
      <button type="button" class="final" aria-disabled={isBusy} onClick={() => go(asked)}>
        {asked.name}
      </button>
    </fieldset>
  ) : (
    <fieldset class="buttons" ref={box}>
      {choices.map((choice, at) => (
        <button
          type="button"
          key={choice.name}
          class={choice.question ? 'asks' : at === 0 ? 'first' : ''}
          aria-label={`${choice.name} ${of}`}
          aria-disabled={isBusy}
          onClick={() => (choice.question ? setAsked(choice) : go(choice))}
        >
          {choice.name}
        </button>
      ))}
    </fieldset>
  )
}

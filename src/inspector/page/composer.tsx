import { signal } from '@preact/signals'
import { perform } from './requests.tsx'
import { hrefOf } from './route.ts'
import { overview, personas } from './stream.ts'
import { shownName } from './words.ts'

const who = signal(0)
const where = signal(0)
const text = signal('')

/** Where there is a simulated mesh: writing as somebody on it. */
export function Composer() {
  const all = personas.value
  const persona = all[who.value] ?? all[0]
  if (!persona) return null
  const place = persona.chats[where.value] ?? persona.chats[0]
  const account = overview.value?.[0]?.status.account ?? ''
  const send = async () => {
    if (text.value.trim() === '' || !place) return
    if (await perform({ do: 'say', user: persona.user, chat: place.chat, text: text.value }, 'say')) text.value = ''
  }
  const seenAs = place?.chat.startsWith('group:') ? place.chat : `peer:${persona.user}`
  return (
    <form
      class="composer"
      aria-label="Write as somebody on the mesh"
      onSubmit={event => {
        event.preventDefault()
        void send()
      }}
    >
      <label>
        Write as{' '}
        <select
          aria-label="Who writes"
          value={who.value}
          onChange={event => {
            who.value = Number(event.currentTarget.value)
          }}
        >
          {all.map(({ user }, at) => (
            <option key={user} value={at}>
              {shownName(user)}
            </option>
          ))}
        </select>
      </label>
      <select
        aria-label="Where"
        value={where.value}
        onChange={event => {
          where.value = Number(event.currentTarget.value)
        }}
      >
        {persona.chats.map(({ chat, title }, at) => (
          <option key={chat} value={at}>
            {title}
          </option>
        ))}
      </select>
      <input
        aria-label="Message"
        placeholder={place?.chat.startsWith('group:') ? '@bot hello' : 'hello'}
        value={text.value}
        onInput={event => {
          text.value = event.currentTarget.value
        }}
      />
      <button type="submit" class="first">
        send
      </button>
      <a href={hrefOf({ view: 'chat', account, chat: seenAs })}>watch it</a>
    </form>
  )
}

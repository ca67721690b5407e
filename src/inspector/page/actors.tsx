import { signal } from '@preact/signals'
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core'
import { useEffect, useLayoutEffect, useReducer, useRef } from 'preact/hooks'
import type { ActorView } from '../../runtime/inspection.ts'
import { hrefOf } from './route.ts'
import { list, overview, want } from './stream.ts'
import { plain, shownName, shownPlace, stateText } from './words.ts'

const ROW = 34
const SPARE = 20

const search = signal('')
const busyOnly = signal(false)
const account = signal('')
const active = signal(0)

export function Actors() {
  const accounts = overview.value?.map(({ status }) => status.account) ?? []
  const chosen = accounts.includes(account.value) ? account.value : (accounts[0] ?? '')
  const box = useRef<HTMLDivElement>(null)
  const [, redraw] = useReducer((n: number) => n + 1, 0)
  const total = list.value?.total ?? 0
  const virtual = useRef<Virtualizer<HTMLDivElement, HTMLElement> | null>(null)
  virtual.current ??= new Virtualizer<HTMLDivElement, HTMLElement>({
    count: 0,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: SPARE,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => redraw(0),
  })
  const rows = virtual.current
  rows.setOptions({ ...rows.options, count: total, onChange: () => redraw(0) })
  useLayoutEffect(() => rows._didMount(), [rows])
  useLayoutEffect(() => rows._willUpdate())
  const items = rows.getVirtualItems()
  const first = items[0]?.index ?? 0
  const limit = Math.min(200, Math.max(60, items.length))

  useEffect(() => {
    if (chosen !== '') want({ list: { account: chosen, search: search.value.trim(), busyOnly: busyOnly.value, offset: first, limit } })
  }, [chosen, search.value, busyOnly.value, first, limit])
  useEffect(() => () => want({ list: null }), [])

  const shown = list.value
  const rowAt = (index: number): ActorView | undefined => shown?.rows[index - shown.offset]
  const open = (index: number) => {
    const row = rowAt(index)
    if (row) location.hash = hrefOf({ view: 'chart', account: chosen, actor: row.actor })
  }
  const move = (to: number) => {
    active.value = Math.max(0, Math.min(total - 1, to))
    rows.scrollToIndex(active.value)
  }
  const onKey = (event: KeyboardEvent) => {
    const page = Math.floor((box.current?.clientHeight ?? ROW) / ROW)
    const keys: Readonly<Record<string, () => void>> = {
      ArrowDown: () => move(active.value + 1),
      ArrowUp: () => move(active.value - 1),
      PageDown: () => move(active.value + page),
      PageUp: () => move(active.value - page),
      Home: () => move(0),
      End: () => move(total - 1),
      Enter: () => open(active.value),
    }
    const handle = keys[event.key]
    if (!handle) return
    event.preventDefault()
    handle()
  }
  const activeRow = rowAt(active.value)

  return (
    <section class="actors">
      <form class="filters" onSubmit={event => event.preventDefault()}>
        {accounts.length > 1 && (
          <select
            aria-label="Account"
            value={chosen}
            onChange={event => {
              account.value = event.currentTarget.value
            }}
          >
            {accounts.map(id => (
              <option key={id} value={id}>
                {plain(id)}
              </option>
            ))}
          </select>
        )}
        <input
          type="search"
          aria-label="Search actors"
          placeholder="Search: alice, group:, outbox …"
          value={search.value}
          onInput={event => {
            search.value = event.currentTarget.value
            active.value = 0
          }}
        />
        <label>
          <input
            type="checkbox"
            checked={busyOnly.value}
            onChange={event => {
              busyOnly.value = event.currentTarget.checked
            }}
          />{' '}
          only with something to do
        </label>
        <output>{shown ? `${total.toLocaleString('en')} ${total === 1 ? 'actor' : 'actors'}` : '…'}</output>
      </form>
      <div
        class="rows"
        ref={box}
        role="listbox"
        aria-label="Actors"
        tabIndex={0}
        onKeyDown={onKey}
        {...(activeRow && { 'aria-activedescendant': `actor-${active.value}` })}
      >
        {!shown && <p class="empty">Waiting for the first actors…</p>}
        {shown && total === 0 && (
          <p class="empty">
            {search.value
              ? 'No actor has that in its name: try less of it, or clear the search.'
              : busyOnly.value
                ? 'Nothing waits for anything: no actor of this account has something to do.'
                : 'No actors yet: the first are there as soon as the account has started.'}
          </p>
        )}
        <div class="space" style={{ height: `${rows.getTotalSize()}px` }}>
          {items.map(({ index, start }) => (
            <Row
              key={index}
              index={index}
              start={start}
              row={rowAt(index)}
              isActive={index === active.value}
              onOpen={() => {
                active.value = index
                open(index)
              }}
            />
          ))}
        </div>
      </div>
    </section>
  )
}

type RowProps = { index: number; start: number; row: ActorView | undefined; isActive: boolean; onOpen: () => void }

function Row({ index, start, row, isActive, onOpen }: RowProps) {
  const name = row && (row.kind === 'pairing' ? shownName(row.name) : shownPlace(row.name))
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list box around it takes the keys.
    <div
      id={`actor-${index}`}
      role="option"
      tabIndex={-1}
      aria-selected={isActive}
      class={`row${isActive ? ' active' : ''}${row?.kind === 'account' ? '' : ' inner'}`}
      style={{ transform: `translateY(${start}px)` }}
      onClick={onOpen}
    >
      {row ? (
        <>
          <span class={`kind ${row.kind}`}>{row.kind}</span>
          <span class="name link" title={name}>
            {name}
          </span>
          <span class={row.isRunning ? 'state' : 'state soft'} title={stateText(row.value)}>
            {stateText(row.value)}
          </span>
        </>
      ) : (
        <span class="soft">…</span>
      )}
    </div>
  )
}

import { useEffect, useRef, useState } from 'preact/hooks'
import type { Taken } from '../../runtime/inspection.ts'
import type { PastStep } from '../../runtime/past.ts'
import { useFocusHandedOn } from './focus.ts'
import { AccountLink } from './overview.tsx'
import { hrefOf } from './route.ts'
import { actor, askPast, past, want } from './stream.ts'
import { activeStates, clockMs, plainLines, shownName, shownPlace, stateText } from './words.ts'

const drawings = new Map<string, Promise<SVGSVGElement | null>>()

/** The drawing as it was made by the build, without its own style: the page has one. */
function drawingOf(kind: string): Promise<SVGSVGElement | null> {
  const known = drawings.get(kind)
  if (known) return known
  const loading = fetch(`/charts/${kind}.svg`)
    .then(answer => (answer.ok ? answer.text() : ''))
    .then(text => {
      // Before it is parsed: the content policy takes no style that is not from a file.
      const root = new DOMParser().parseFromString(text.replace(/<style>.*?<\/style>/s, ''), 'image/svg+xml').documentElement
      return root instanceof SVGSVGElement ? root : null
    })
    .catch(() => null)
  drawings.set(kind, loading)
  return loading
}

export function Chart({ account, actor: id }: { account: string; actor: string }) {
  const [then, setThen] = useState<number | null>(null)
  // What fits into a narrow window as a whole is too small to be read.
  const [isWhole, setWhole] = useState(() => matchMedia('(min-width: 761px)').matches)
  useEffect(() => {
    want({ actor: { account, actor: id } })
    past.value = null
    return () => want({ actor: null })
  }, [account, id])
  const kind = id.slice(0, id.indexOf(':'))
  const name = id.slice(kind.length + 1)
  const told = actor.value
  const view = told?.view ?? null
  const last = told?.steps.at(-1)
  const steps = past.value?.chat === name ? past.value.steps : null
  const moment = steps?.[then ?? steps.length - 1]
  const shown = moment && (kind === 'chat' || kind === 'outbox') ? moment[kind] : view?.value
  const isChat = kind === 'chat' || kind === 'outbox' || kind === 'watcher'
  return (
    <section class="chart">
      <header class="title">
        <h2>
          <span class={`kind ${kind}`}>{kind}</span> {kind === 'pairing' ? shownName(name) : shownPlace(name)}
        </h2>
        {view && <span class={view.isRunning ? 'badge live' : 'badge'}>{view.isRunning ? 'running' : 'at rest, from its record'}</span>}
        {kind !== 'account' && <AccountLink account={account} />}
        {isChat && (
          <nav aria-label="The same conversation">
            {(['chat', 'outbox'] as const)
              .filter(other => other !== kind)
              .map(other => (
                <a key={other} href={hrefOf({ view: 'chart', account, actor: `${other}:${name}` })}>
                  {other}
                </a>
              ))}
            <a href={hrefOf({ view: 'chat', account, chat: name })}>messages</a>
          </nav>
        )}
      </header>
      {told && !view ? (
        <p class="empty">
          This actor is not there any more; it may have finished its work. <a href={hrefOf({ view: 'actors' })}>Those that are</a>
        </p>
      ) : (
        <div class="split">
          <div>
            <div class="tools">
              {(kind === 'chat' || kind === 'outbox') && (
                <Past
                  steps={steps}
                  at={then ?? (steps?.length ?? 1) - 1}
                  onOpen={() => {
                    setThen(null)
                    askPast(account, name)
                  }}
                  onMove={setThen}
                  onClose={() => {
                    past.value = null
                  }}
                />
              )}
              <button type="button" onClick={() => setWhole(!isWhole)}>
                {isWhole ? 'full size' : 'whole chart'}
              </button>
            </div>
            <Drawing
              kind={kind}
              isWhole={isWhole}
              isPast={moment !== undefined}
              states={shown !== undefined ? activeStates(kind, shown) : []}
              taken={moment ? [] : (last?.taken ?? [])}
            />
          </div>
          <aside>
            {moment && (
              <>
                <h3>Then</h3>
                <p class="now">{shown === undefined ? '…' : stateText(shown)}</p>
              </>
            )}
            <h3>{moment ? 'Now (the drawing shows the past)' : 'Now'}</h3>
            <p class="now">{view ? stateText(view.value) : '…'}</p>
            {view?.context !== undefined && view?.context !== null && (
              <details>
                <summary>context</summary>
                <pre>{plainLines(JSON.stringify(view.context, null, 1))}</pre>
              </details>
            )}
            <h3>Last steps</h3>
            {told && told.steps.length === 0 && <p class="soft">None since this view was opened.</p>}
            <ol class="steps">
              {told?.steps.toReversed().map((step, at) => (
                <li key={`${step.atMs}-${told.steps.length - at}`}>
                  <time>{clockMs(step.atMs)}</time> <b>{step.event}</b>
                  <Transitions taken={step.taken} />
                  <div class="soft">{stateText(step.value)}</div>
                </li>
              ))}
            </ol>
          </aside>
        </div>
      )}
    </section>
  )
}

type PastProps = { steps: readonly PastStep[] | null; at: number; onOpen: () => void; onMove: (at: number) => void; onClose: () => void }

/** One chat's history under a slider: its records through the charts again. */
function Past({ steps, at, onOpen, onMove, onClose }: PastProps) {
  const box = useFocusHandedOn<HTMLParagraphElement>(steps === null, 'input, button')
  if (steps === null) {
    return (
      <p class="travel" ref={box}>
        <button type="button" onClick={onOpen}>
          go back in time
        </button>
      </p>
    )
  }
  const moment = steps[at]
  return (
    <p class="travel" ref={box}>
      <input
        type="range"
        aria-label="Moment"
        min={0}
        max={Math.max(0, steps.length - 1)}
        value={at}
        onInput={event => onMove(Number(event.currentTarget.value))}
      />
      <output>{moment ? `${clockMs(moment.atMs)} · ${moment.event} (${at + 1} of ${steps.length})` : 'nothing is recorded'}</output>
      <button type="button" onClick={onClose}>
        back to now
      </button>
    </p>
  )
}

export function Transitions({ taken }: { taken: readonly Taken[] }) {
  return (
    <>
      {taken.map(({ source, index, guards, actions }) => (
        <div key={`${source}-${index}`}>
          {guards.map(guard => (
            <span key={guard.name} class={guard.passed ? 'guard passed' : 'guard failed'}>
              {guard.passed ? '✓' : '✗'} {guard.name}
            </span>
          ))}
          {actions.length > 0 && <span class="effects"> / {actions.join(', ')}</span>}
        </div>
      ))}
    </>
  )
}

type DrawingProps = { kind: string; isWhole: boolean; isPast: boolean; states: readonly string[]; taken: readonly Taken[] }

function Drawing({ kind, isWhole, isPast, states, taken }: DrawingProps) {
  const box = useRef<HTMLDivElement>(null)
  const [drawing, setDrawing] = useState<SVGSVGElement | null | undefined>(undefined)
  useEffect(() => {
    let isOver = false
    void drawingOf(kind).then(found => {
      if (!isOver) setDrawing(found)
    })
    return () => {
      isOver = true
    }
  }, [kind])
  useEffect(() => {
    if (drawing) box.current?.replaceChildren(drawing)
  }, [drawing])
  useEffect(() => {
    if (!drawing) return
    for (const node of drawing.querySelectorAll('[data-state]'))
      node.classList.toggle('active', states.includes(node.getAttribute('data-state') ?? ''))
    for (const node of drawing.querySelectorAll('[data-source]')) {
      const isTaken = taken.some(
        one => one.source === node.getAttribute('data-source') && node.getAttribute('data-index')?.split(' ').includes(String(one.index)),
      )
      node.classList.toggle('taken', isTaken)
    }
  }, [drawing, states.join(), JSON.stringify(taken)])
  useEffect(() => {
    if (!drawing || !isWhole) return
    const seen = new ResizeObserver(() => drawing.style.setProperty('--unscaled', String(1 / (drawing.getScreenCTM()?.a || 1))))
    seen.observe(drawing)
    return () => seen.disconnect()
  }, [drawing, isWhole])
  const hasStates = states.length > 0
  useEffect(() => {
    if (drawing && hasStates && !isWhole && box.current) showActive(box.current)
  }, [drawing, hasStates, isWhole])
  return (
    <div class={isPast ? 'drawing past' : 'drawing'}>
      {drawing === null && <p class="empty">There is no drawing of this chart.</p>}
      <div
        class={isWhole ? 'paper whole' : 'paper'}
        ref={box}
        role="img"
        // What is larger than its box is scrolled by keyboard, too; not every browser sees to that.
        tabIndex={isWhole ? -1 : 0}
        aria-label={`Statechart ${kind}; active: ${states.join(', ')}`}
      />
    </div>
  )
}

/** Of a drawing that is larger than its box: the first state that is active, in the middle. */
function showActive(box: HTMLElement): void {
  const active = box.querySelector('.state.active')?.getBoundingClientRect()
  if (!active) return
  const frame = box.getBoundingClientRect()
  box.scrollBy(active.left + active.width / 2 - frame.left - frame.width / 2, active.top + active.height / 2 - frame.top - frame.height / 2)
}

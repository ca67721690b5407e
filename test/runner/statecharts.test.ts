import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type AnyStateMachine, type AnyStateNode, createMachine, setup } from 'xstate'
import { toDirectedGraph } from 'xstate/graph'
import { charts } from '../../src/runner/statecharts/charts.ts'
import { configJson } from '../../src/runner/statecharts/config-json.ts'
import { drawings, staleDrawings, writeDrawings } from '../../src/runner/statecharts/drawings.ts'
import { layoutOf } from '../../src/runner/statecharts/layout.ts'
import { mermaid } from '../../src/runner/statecharts/mermaid.ts'
import { svg } from '../../src/runner/statecharts/svg.ts'

async function folderInTest(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ztm-chat-charts-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

const nameOf = (part: unknown): unknown => (typeof part === 'object' && part !== null && 'type' in part ? part.type : part)

/** Every state with its effects, every transition with its guard and effects. */
function insideOf(node: AnyStateNode): unknown {
  const transitions = [...(node.always ?? []), ...[...node.transitions.values()].flat()]
  return {
    id: node.id,
    type: node.type,
    description: node.description,
    entry: node.entry.map(nameOf),
    exit: node.exit.map(nameOf),
    invoke: node.invoke.map(({ src }) => src),
    transitions: transitions.map(({ eventType, guard, actions, target, reenter, description }) => ({
      eventType,
      guard: nameOf(guard),
      actions: actions.map(nameOf),
      target: target?.map(({ id }) => id),
      reenter,
      description,
    })),
    states: Object.values(node.states).map(insideOf),
  }
}

const all: readonly (readonly [string, AnyStateMachine])[] = Object.entries(charts)

test('every file of machines/ with a chart is drawn', async () => {
  const files = (await readdir(join(import.meta.dirname, '../../machines'))).filter(name => name !== 'records.ts')
  expect(Object.keys(charts).map(name => `${name}.ts`)).toEqual(files.sort())
})

describe.each(all)('the drawing of %s', (name, machine) => {
  test('as JSON makes a machine with the same graph, guards and effects', () => {
    const imported = createMachine(JSON.parse(configJson(machine)))
    expect(JSON.stringify(toDirectedGraph(imported))).toBe(JSON.stringify(toDirectedGraph(machine)))
    expect(insideOf(imported.root)).toEqual(insideOf(machine.root))
  })

  test('as Mermaid names every state, and has an arrow or a line for every transition', () => {
    const drawn = mermaid(machine)
    const visit = (node: AnyStateNode): void => {
      if (node !== machine.root)
        expect(drawn).toMatch(new RegExp(`state "${node.key}(,.*)?" as ${node.id.replace(/[^A-Za-z0-9]+/g, '_')}\\b`))
      for (const { eventType, guard, actions } of [...(node.always ?? []), ...[...node.transitions.values()].flat()]) {
        const condition = guard ? ` [${nameOf(guard)}]` : ''
        const effects = actions.length > 0 ? ` / ${actions.map(nameOf).join(', ')}` : ''
        expect(drawn).toContain(`: ${eventType || 'always'}${condition}${effects}`)
      }
      for (const action of node.entry) expect(drawn).toContain(`entry / ${nameOf(action)}`)
      Object.values(node.states).forEach(visit)
    }
    visit(machine.root)
    expect(drawn.startsWith(`stateDiagram-v2\n  %% Drawn from machines/${name}.ts; do not edit.\n`)).toBe(true)
  })

  test('as SVG has a box for every state with its effects, and says every transition with its guard and effects', async () => {
    const drawn = await svg(name, machine)
    /** What is written in it, without the line breaks. */
    const said = [...drawn.matchAll(/<text class="(\w+)"[^>]*>([^<]*)</g)].map(([, style, text]) => `${style} ${text?.trim()}`).join(' ')
    const text = said.replace(/ (?:title|note|deed|event|guard|effect) /g, ' ')
    const visit = (node: AnyStateNode): void => {
      expect(drawn).toContain(`data-state="${node.id}"`)
      expect(said).toContain(`title ${node.key}`)
      for (const action of node.entry) expect(text).toContain(`entry / ${nameOf(action)}`)
      const transitions = [...(node.always ?? []), ...[...node.transitions.values()].flat()]
      for (const [index, { eventType, guard, actions, target }] of transitions.entries()) {
        const condition = guard ? ` [${nameOf(guard)}]` : ''
        const effects = actions.length > 0 ? ` / ${actions.map(nameOf).join(', ')}` : ''
        expect(text).toContain(`${eventType || 'always'}${condition}${effects}`)
        if (target?.length) expect(drawn).toMatch(new RegExp(`data-source="${node.id}" data-index="(?:\\d+ )*${index}(?: \\d+)*" d="M`))
      }
      Object.values(node.states).forEach(visit)
    }
    visit(machine.root)
  })

  test('as SVG is the same each time, and nothing in it hides a state or what an arrow says', async () => {
    expect(await svg(name, machine)).toBe(await svg(name, machine))
    const { boxes, arrows } = await layoutOf(machine)
    const solid = boxes.filter(({ kind }) => kind === 'state' || kind === 'final' || kind === 'any')
    const labels = arrows.flatMap(({ label }) => label ?? [])
    for (const label of labels) {
      const hidden = [...solid, ...labels].filter(
        other =>
          other !== label &&
          label.x < other.x + other.width &&
          other.x < label.x + label.width &&
          label.y < other.y + other.height &&
          other.y < label.y + label.height,
      )
      expect(hidden).toEqual([])
    }
  })
})

test('an SVG says the words of a chart as text, never as markup', async () => {
  const tricky = createMachine({ id: 'a', description: '<script>&"', initial: 'b', states: { b: { on: { '<img>': {} } } } })
  const drawn = await svg('a', tricky)
  expect(drawn).toContain('&lt;script&gt;&amp;&quot;')
  expect(drawn).not.toMatch(/<(?:script|img)/)
})

test('a small chart, drawn as a whole', () => {
  const door = setup({
    types: { events: {} as { type: 'knock' | 'open' | 'close' | 'fire' } },
    guards: { isFriend: () => true },
    actions: { ring: () => {}, greet: () => {} },
  }).createMachine({
    id: 'door',
    initial: 'shut',
    on: { fire: '.open' },
    states: {
      shut: {
        entry: 'ring',
        on: { knock: [{ guard: 'isFriend', target: 'open', actions: 'greet' }, { description: 'No; a "stranger".' }] },
      },
      open: { initial: 'ajar', states: { ajar: { on: { open: 'wide', close: '#door.shut' } }, wide: { type: 'final' } } },
    },
  })
  expect(mermaid(door)).toBe(`stateDiagram-v2
  %% Drawn from machines/door.ts; do not edit.
  [*] --> door_shut
  state "shut" as door_shut
  door_shut : entry / ring
  door_shut : knock (No, a  stranger )
  state "open" as door_open {
    [*] --> door_open_ajar
    state "ajar" as door_open_ajar
    state "wide" as door_open_wide
    door_open_wide --> [*]
    door_open_ajar --> door_open_wide : open
  }
  door_shut --> door_open : knock [isFriend] / greet
  door_open_ajar --> door_shut : close
  state "in any state" as door__any
  door__any --> door_open : fire
`)
})

describe('the check', () => {
  test('passes on what has just been drawn', async () => {
    const folder = await folderInTest()
    expect(await writeDrawings(folder)).toEqual([...(await drawings()).keys()])
    expect(await staleDrawings(folder)).toEqual([])
  })

  test('names what is stale, what is missing, and what is no chart any more', async () => {
    const folder = await folderInTest()
    await writeDrawings(folder)
    await writeFile(join(folder, 'chat.mmd'), 'stateDiagram-v2\n')
    await rm(join(folder, 'account.json'))
    await writeFile(join(folder, 'gone.json'), '{}')
    await writeFile(join(folder, 'README.md'), '')
    expect(await staleDrawings(folder)).toEqual([
      { name: 'account.json', why: 'missing' },
      { name: 'chat.mmd', why: 'stale' },
      { name: 'gone.json', why: 'not a chart any more' },
    ])
  })

  test('finds nothing where nothing was drawn', async () => {
    expect(await staleDrawings(join(await folderInTest(), 'nowhere'))).toHaveLength((await drawings()).size)
  })
})

/** docs/operations.md and packaging/: what they say of the program is so. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { LOG_LEVELS } from '../../src/adapters/log/pino-log.ts'
import { ARCHIVE_FOLDER } from '../../src/adapters/store/archive.ts'
import { newerVersion } from '../../src/adapters/store/failures.ts'
import { JOURNAL_FOLDER } from '../../src/adapters/store/journal.ts'
import { DAMAGED_FOLDER } from '../../src/adapters/store/set-aside.ts'
import { SHARD_FOLDER } from '../../src/adapters/store/shards.ts'
import { LIMITS } from '../../src/domain/limits.ts'
import { metricsText } from '../../src/inspector/metrics.ts'
import type { AccountOverview } from '../../src/inspector/protocol.ts'
import { createWorld } from '../../src/simulator/world.ts'
import { refusal } from './command-line.ts'
import { words } from './commands.ts'
import { codeBlocks, documentAt, part, quoted, ROOT, section, tableRows } from './markdown.ts'

const page = documentAt('docs/operations.md')

/** An account of which everything is told. */
async function overview(): Promise<AccountOverview> {
  const world = createWorld({ config: { dmPolicy: 'allowlist' } })
  await world.start()
  await world.mesh.user('alice').says('hi')
  await world.settle()
  onTestFinished(() => world.stop())
  const quantiles = { p50: 10, p95: 20 }
  return {
    status: { ...world.account.status(), feedLagMs: 10 },
    pairings: [],
    deadLetters: [],
    perSecond: { decided: [], confirmed: [] },
    latency: { dispatched: quantiles, posted: quantiles, confirmed: quantiles },
  }
}

/** By name: its type, and its labels beside `account`. */
async function metrics(): Promise<Readonly<Record<string, { type: string; labels: readonly string[] }>>> {
  const text = metricsText([await overview()])
  return Object.fromEntries(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => {
      const samples = [...text.matchAll(new RegExp(`^${name}\\{(.*)\\} `, 'gm'))].map(([, labels = '']) => labels)
      const labels = [...new Set(samples.flatMap(sample => [...sample.matchAll(/(\w+)="/g)].map(([, label = '']) => label)))]
      return [name, { type, labels: labels.filter(label => label !== 'account') }]
    }),
  )
}

describe('metrics', () => {
  test('are those of the table, with type and labels', async () => {
    const rows = tableRows(part(page, 'metrics')).map(([name = '', kind = '', means = '']) => {
      const [type = '', ...labels] = kind.split(', ').map(word => word.replaceAll('`', ''))
      expect(means, name).not.toBe('')
      return [quoted(name)[0] ?? '', { type, labels }] as const
    })

    expect(Object.fromEntries(rows)).toEqual(await metrics())
    expect(rows.length).toBeGreaterThan(15)
  })

  test('that alerts ask for exist, and are joined by labels that both have', async () => {
    const known = await metrics()
    const { groups } = alerts.parse(parse(documentAt('packaging/alerts.yml')))
    for (const { alert, expr } of groups.flatMap(({ rules }) => rules)) {
      const asked = [...expr.matchAll(/ztm_chat_\w+/g)].map(([name]) => name)
      expect(asked.length, alert).toBeGreaterThan(0)
      for (const name of asked) expect(Object.keys(known), alert).toContain(name)
      const labels = new Set(asked.map(name => known[name]?.labels.join()))
      if (labels.size > 1) expect(expr, alert).toMatch(/ (and|or|unless) on \(account\) /)
      for (const [, label = ''] of expr.matchAll(/\{(\w+)=/g))
        expect(
          asked.some(name => known[name]?.labels.includes(label)),
          alert,
        ).toBe(true)
    }
  })

  test('every alert is explained, and no other', () => {
    const { groups } = alerts.parse(parse(documentAt('packaging/alerts.yml')))
    const explained = tableRows(part(page, 'alerts')).map(([name = '']) => quoted(name)[0])

    expect(explained).toEqual(groups.flatMap(({ rules }) => rules).map(({ alert }) => alert))
  })
})

const alerts = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+[smh]$/)
            .optional(),
          annotations: z.strictObject({ summary: z.string() }),
        }),
      ),
    }),
  ),
})

/** `NAME=VALUE` lines of a unit, the last one of each name. */
const unit = Object.fromEntries(
  [...documentAt('packaging/ztm-chat.service').matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
)
const graceSeconds = LIMITS.stopGraceMs / 1_000

describe('the unit of systemd', () => {
  test('starts a command line that ztm-chat takes, and stops it as it wants to be stopped', async () => {
    const [env, program, ...args] = words(unit['ExecStart'] ?? '')

    expect([env, program]).toEqual(['/usr/bin/env', 'ztm-chat'])
    expect(await refusal(args)).toBeNull()
    expect(args).toContain(`/var/lib/${unit['StateDirectory']}`)
    expect(unit).toMatchObject({ KillSignal: 'SIGTERM', KillMode: 'mixed', RestartPreventExitStatus: '2' })
    expect(Number(unit['TimeoutStopSec'])).toBeGreaterThanOrEqual(2 * graceSeconds)
  })

  test('is one that systemd understands, where there is a systemd', () => {
    const { error, stderr } = spawnSync('systemd-analyze', ['verify', join(ROOT, 'packaging/ztm-chat.service')], { encoding: 'utf8' })

    // Only what is said of this unit: others of the machine may have faults of their own.
    const faults = error ? [] : stderr.split('\n').filter(line => line.includes('ztm-chat.service'))
    expect(faults).toEqual([])
  })
})

describe('the container file', () => {
  const file = documentAt('packaging/Dockerfile')
  const lines = [...file.replaceAll(/\\\n/g, ' ').matchAll(/^([A-Z]+) (.*)$/gm)].map(([, name = '', rest = '']) => [name, rest] as const)
  const argumentOf = (wanted: string) => lines.find(([name]) => name === wanted)?.[1] ?? ''

  test('begins with a Node that will do, ends as somebody who is not root, and runs a command line that ztm-chat takes', async () => {
    const [, major = '0', minor = '0'] = /^node:(\d+)\.(\d+)-/.exec(argumentOf('FROM')) ?? []
    const [, least = '0'] = /^>=24\.(\d+)\.0 <25/.exec(JSON.parse(documentAt('package.json')).engines.node) ?? []

    expect(major).toBe('24')
    expect(Number(minor)).toBeGreaterThanOrEqual(Number(least))
    expect(lines.slice(lines.findIndex(([name]) => name === 'USER')).map(([name]) => name)).not.toContain('RUN')
    expect(argumentOf('USER')).toBe('node')
    expect(JSON.parse(argumentOf('ENTRYPOINT'))).toEqual(['ztm-chat'])
    expect(await refusal(JSON.parse(argumentOf('CMD')))).toBeNull()
    expect(JSON.parse(argumentOf('CMD'))).toContain(argumentOf('VOLUME'))
    expect(
      lines
        .map(([name]) => name)
        .filter(name => !['FROM', 'COPY', 'RUN', 'USER', 'ENV', 'VOLUME', 'STOPSIGNAL', 'ENTRYPOINT', 'CMD'].includes(name)),
    ).toEqual([])
  })

  test('is given longer to stop than docker gives by itself', () => {
    expect(Number(/--stop-timeout (\d+)/.exec(page)?.[1])).toBeGreaterThanOrEqual(2 * graceSeconds)
  })
})

test('command lines of ztm-chat within others are ones that it takes', async () => {
  const lines = codeBlocks(page).flatMap(({ code }) => code.split('\n'))
  const ours = lines.flatMap(line => / ztm-chat ([a-z]+ .*)$/.exec(` ${line}`)?.slice(1) ?? [])

  expect(ours.length).toBeGreaterThan(2)
  expect((await Promise.all(ours.map(line => refusal(words(line))))).filter(fault => fault !== null)).toEqual([])
})

test('what a downgrade says is quoted as it is said', () => {
  const { message } = newerVersion('shards/shard-07.json', 2, '/var/lib/ztm-chat/accounts/default')

  expect(section(page, 'Upgrade and downgrade')).toContain(`\n${message}\n`)
})

test('the state directory has the folders that the page names', () => {
  const named = tableRows(section(page, 'State')).flatMap(([names = '']) => quoted(names))

  for (const folder of [JOURNAL_FOLDER, SHARD_FOLDER, ARCHIVE_FOLDER, DAMAGED_FOLDER]) expect(named).toContain(`accounts/ID/${folder}/`)
})

test('figures and levels that the page gives are those of the program', () => {
  const mib = (bytes: number) => `${bytes / 1_048_576} MiB`

  expect(section(page, 'Stopping')).toContain('`limits.stopGraceMs`, ten seconds unless')
  expect(graceSeconds).toBe(10)
  expect(section(page, 'State')).toContain(`\`limits.historyBytes\` (${mib(LIMITS.historyBytes)})`)
  expect(section(page, 'State')).toContain(`\`limits.journalBytes\` (${mib(LIMITS.journalBytes)},`)
  for (const level of LOG_LEVELS) expect(section(page, 'Logs')).toContain(`\`${level}\``)
})

test('everything in packaging/ is linked from the page', () => {
  for (const name of readdirSync(join(ROOT, 'packaging'))) expect(page).toContain(`(../packaging/${name})`)
})

import { afterEach, describe, expect, test } from 'vitest'
import { createMemoryLog } from '../../src/adapters/memory/memory-log.ts'
import { createVirtualClock } from '../../src/adapters/memory/virtual-clock.ts'
import type { Mesh } from '../../src/ports/ztm-agent.ts'
import { createCertificateWatch } from '../../src/runtime/certificate.ts'
import { agentAt } from '../adapters/ztm/agent-at.ts'
import { createAuthority } from '../adapters/ztm/certificates.ts'
import { json, startServer } from '../adapters/ztm/local-server.ts'

const DAY_MS = 24 * 3_600_000
const NOW_MS = Date.UTC(2026, 10, 24, 12)
const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const begin = () => {
  const clock = createVirtualClock(NOW_MS)
  const memory = createMemoryLog()
  const watch = createCertificateWatch({ meshName: 'home', username: 'my-bot', agentUrl: 'http://localhost:7777' }, clock, memory.log)
  const look = (inMs: number) => watch.look({ ...mesh, certificateExpiresAtMs: NOW_MS + inMs })
  return { clock, watch, look, lines: memory.lines }
}
const mesh: Mesh = { name: 'home', connected: true, errors: [] }

describe('the certificate of the agent', () => {
  test('is pointed out when it expires within 30 days, once a day in the log', async () => {
    const { clock, watch, look, lines } = begin()
    look(30 * DAY_MS + 1)
    expect([watch.warning(), lines.length]).toEqual([null, 0])

    look(30 * DAY_MS)
    look(30 * DAY_MS)
    expect(watch.warning()).toBe(
      'The certificate of "my-bot" on mesh "home" (ZTM agent at http://localhost:7777) expires on 2026-12-24;' +
        " get a new permit from the mesh's owner and join with it.",
    )
    expect(lines.length).toBe(1)
    await clock.advance(DAY_MS)
    look(30 * DAY_MS)
    expect(lines.length).toBe(2)
  })

  test('is pointed out when it has expired, and no more once there is a new one', () => {
    const { watch, look } = begin()
    look(-DAY_MS)
    expect(watch.warning()).toContain('expired on 2026-11-23')
    look(365 * DAY_MS)
    expect(watch.warning()).toBeNull()
  })

  test('that cannot be read is not pointed out', () => {
    const { watch } = begin()
    watch.look(mesh)
    expect(watch.warning()).toBeNull()
  })

  test.each([
    ['a real one', async () => (await (await createAuthority()).signs('my-bot', { notAfter: '2026-12-24' })).cert, Date.UTC(2026, 11, 24)],
    ['garbage', async () => '-----BEGIN CERTIFICATE-----\nnope\n-----END CERTIFICATE-----\n', undefined],
  ])('is read from the answer of the agent: %s', async (_, made, expected) => {
    const certificate = await made()
    const server = await startServer((_, response) => json(response, { name: 'home', connected: true, agent: { id: 'e', certificate } }))
    const { agent } = agentAt(server.url)
    closing.push(
      () => agent.close(),
      () => server.close(),
    )

    expect((await agent.mesh())?.certificateExpiresAtMs).toBe(expected)
  })
})

/** The table of what this package runs with, from where each version is written down. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const textOf = (path: string): string => readFileSync(join(import.meta.dirname, '..', path), 'utf8')

/** `>=24.16.0 <25 || >=26.1.0`: "24.16 or newer of 24, 26.1 or newer". */
const inWords = (range: string): string =>
  range
    .split(' || ')
    .map(part => {
      const [, least = '', below] = /^>=([\d.]+)(?: <(\d+))?$/.exec(part) ?? []
      if (least === '') throw new Error(`"${part}" of "${range}" is no range that this table can say.`)
      return `${least.replace(/\.0$/, '')} or newer${below === undefined ? '' : ` of ${Number(below) - 1}`}`
    })
    .join(', ')

export function versionsTable(): string {
  const { engines, peerDependencies } = JSON.parse(textOf('package.json'))
  const { packages } = JSON.parse(textOf('package-lock.json'))
  const gateway = JSON.parse(textOf('test/e2e/gateway/package.json')).dependencies.openclaw
  const agents = new Set(
    [...textOf('test/fixtures/ztm-exchanges.jsonl').matchAll(/ztm\\?":\s*\{[^}]*?tag\\?":\s*\\?"(v[\d.]+)/g)].map(([, tag]) => tag),
  )
  return [
    '| | works with | tested with |',
    '|---|---|---|',
    `| Node | ${inWords(engines.node)} | ${packages['node_modules/node'].version} |`,
    `| OpenClaw | ${inWords(peerDependencies.openclaw)}; it is not needed for bots of one's own | ${gateway} |`,
    `| ZTM agent | with a file index (push), or without (polling) | ${[...agents].join(', ')}, from recordings |`,
    '| System | what Node runs on; the state wants a local disk | Linux |',
  ].join('\n')
}

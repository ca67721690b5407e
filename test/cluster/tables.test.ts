/** What is asked of the engine's tables, and what is made of their answers. */
import { expect, onTestFinished, test } from 'vitest'
import { keyIn } from '../../src/cluster/keys.ts'
import { openTables, type Row, TablesAway, type Which } from '../../src/cluster/tables.ts'
import { closedPort, startServer } from '../adapters/ztm/local-server.ts'
import { startTables } from './engine-tables.ts'

function tablesAt(url: string) {
  const tables = openTables(url)
  onTestFinished(() => tables.close())
  return tables
}
async function rowsAt(url: string, kind: 'chat' | 'account' | 'pairing', account?: string, which?: Which): Promise<readonly Row[]> {
  const rows: Row[] = []
  for await (const row of tablesAt(url).rows(kind, account, which)) rows.push(row)
  return rows
}
const keysOf = async (...asked: Parameters<typeof rowsAt>) => (await rowsAt(...asked)).map(({ key }) => key)

test('rows come in order, page by page, and each of them once', async () => {
  const { url, queries, put } = await startTables('/restate')
  const names = Array.from({ length: 1_001 }, (_, index) => `default/peer:user-${String(index).padStart(4, '0')}`)
  for (const key of names.toReversed()) put('chat', key, 'entry', { key })

  const rows = await rowsAt(`${url}/`, 'chat')

  expect(rows.map(({ key }) => key)).toEqual(names)
  expect(rows[7]).toEqual({ key: names[7], name: 'entry', value: { key: names[7] } })
  expect(queries).toHaveLength(3)
})

test('a page may end between two values of one object', async () => {
  const { url, put } = await startTables()
  const names = Array.from({ length: 501 }, (_, index) => `value-${String(index).padStart(3, '0')}`)
  for (const name of names) put('chat', 'default/peer:alice', name, name)
  put('chat', 'default/peer:bob', 'entry', 'of bob')

  expect((await rowsAt(url, 'chat')).map(({ value }) => value)).toEqual([...names, 'of bob'])
})

test('names with quotes in them are no SQL', async () => {
  const { url, put } = await startTables()
  const key = keyIn("o'hara'; --", "peer:' OR 1=1")
  put('chat', key, 'past', "it's")
  put('chat', 'default/peer:alice', 'entry', 2)

  expect(await keysOf(url, 'chat', "o'hara'; --")).toEqual([key])
  expect(await keysOf(url, 'chat', undefined, { keys: [key] })).toEqual([key])
  expect(await keysOf(url, 'chat', undefined, { word: "it's" })).toEqual([key])
})

test.each(['a', 'a/b', 'a b', 'ab', 'A'])('the rows of the account %j are its own, whatever other ids begin like it', async account => {
  const { url, put } = await startTables()
  for (const id of ['a', 'a/b', 'a b', 'ab', 'A', 'a0', 'a.']) {
    put('chat', keyIn(id, 'peer:alice'), 'entry', null)
    put('account', id, 'entry', null)
  }

  expect(await keysOf(url, 'chat', account)).toEqual([keyIn(account, 'peer:alice')])
  expect(await keysOf(url, 'account', account)).toEqual([account])
})

test('some objects only, some values only, and those with a word in them', async () => {
  const { url, put } = await startTables()
  for (const user of ['alice', 'bob', 'carol']) {
    put('chat', `default/peer:${user}`, 'entry', { id: `id-of-${user}` })
    put('chat', `default/peer:${user}`, 'past', { id: `id-of-${user}` })
  }

  expect(await keysOf(url, 'chat', 'default', { name: 'past', word: 'id-of-b' })).toEqual(['default/peer:bob'])
  expect(await keysOf(url, 'chat', 'default', { name: 'entry', keys: ['default/peer:carol', 'default/peer:alice'] })).toEqual([
    'default/peer:alice',
    'default/peer:carol',
  ])
  expect(await keysOf(url, 'chat', 'default', { keys: [] })).toEqual([])
  const chats: string[] = []
  for await (const key of tablesAt(url).chats('default')) chats.push(key)
  expect(chats).toEqual(['default/peer:alice', 'default/peer:bob', 'default/peer:carol'])
})

const failureOf = async (url: string): Promise<unknown> => {
  try {
    return await rowsAt(url, 'chat')
  } catch (error) {
    return error
  }
}

test('an engine that is away is told in one sentence', async () => {
  const url = await closedPort()

  const failure = await failureOf(url)

  expect(failure).toBeInstanceOf(TablesAway)
  expect(failure).toMatchObject({
    message: `${url} does not answer (connection refused); is Restate running, and is that its admin interface?`,
  })
})

test.each([
  [404, 'no such page', '404: no such page'],
  [200, '<html>\n', '200: <html>'],
  [200, '{"rows":"many"}', '200: {"rows":"many"}'],
])('what answers with %i and %j is something else', async (status, text, told) => {
  const server = await startServer((_, response) => void response.writeHead(status).end(text))
  onTestFinished(() => server.close())

  expect(await failureOf(server.url)).toMatchObject({
    name: 'TablesAway',
    message: `What answers at ${server.url} does not tell what it keeps (${told}); that must be Restate's admin interface.`,
  })
})

test('a gate gets its token; one that wants another lets nobody in', async () => {
  const server = await startServer((_, response, { headers }) =>
    headers.authorization === 'Bearer let-me-in' ? void response.end('{"rows":[]}') : void response.writeHead(403).end('no'),
  )
  onTestFinished(() => server.close())
  const tables = openTables(server.url, 'let-me-in')
  onTestFinished(() => tables.close())

  expect(await tables.query('SELECT 1')).toEqual([])
  await expect(tablesAt(server.url).query('SELECT 1')).rejects.toThrow(
    `${server.url} lets nobody in (403); give the token that it wants in the environment variable ZTM_CHAT_ENGINE_TOKEN.`,
  )
})

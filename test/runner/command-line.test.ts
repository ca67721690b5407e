import { spawnSync } from 'node:child_process'
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CLI, folderInTest, type Line, run, startInTest } from './cli.ts'

/** Makes this Node say that it is another one. */
const pretend = (version: string): readonly string[] => [
  '--import',
  `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'${version}'}})`,
]

describe('the command line', { timeout: 60_000 }, () => {
  test.each(['20.20.2', '24.15.9', '25.9.0', '26.0.0'])('says in one sentence that Node %s will not do', async version => {
    const ended = await run(['--help'], { nodeArgs: pretend(version) })
    expect(ended).toMatchObject({ code: 1, out: [] })
    expect(ended.err).toBe(
      `ztm-chat needs Node 24.16 or newer (not 25), and this is ${version}; install a newer one from https://nodejs.org, or start it with npx in the project's folder.\n`,
    )
  })

  test.each(['24.16.0', '26.1.0', '27.0.0'])('works with Node %s', async version => {
    expect((await run(['--version'], { nodeArgs: pretend(version) })).out[0]).toMatch(/^\d+\.\d+\.\d+$/)
  })

  test.each([
    [['--help'], 'Usage: ztm-chat'],
    [['run', '--help'], 'exec:COMMAND'],
    [['run', '--help'], 'All else (agent, mesh, who may write, feed, limits) is in the config'],
    [['agent', '--help'], 'POST /sim/users/NAME/says'],
    [['agent', '--help'], '(default: alice)'],
    [['pairing', '--help'], 'approve'],
    [['pairing', 'approve', '--help'], '--state-dir'],
    [['status', '--help'], '--json'],
    [['deadletter', '--help'], 'given up after their last attempt'],
    [['deadletter', 'retry', '--help'], 'as "deadletter list" shows it'],
    [['demo', '--help'], '--json'],
    [['statecharts', '--help'], '--check'],
  ])('%j explains itself', async (args, expected) => {
    const ended = await run(args)
    expect(ended).toMatchObject({ code: 0, err: '' })
    expect(ended.out.join('\n')).toContain(expected)
  })

  test('state that this user may not look into is no state that nobody has', async () => {
    const folder = join(await folderInTest(), 'of somebody else')
    await mkdir(folder, { mode: 0o000 })
    // Root may look everywhere, so it becomes somebody else first.
    const nobody = process.getuid?.() === 0 ? ['--import', 'data:text/javascript,process.seteuid(65534)'] : []
    expect(await run(['status', '--state-dir', folder], { nodeArgs: nobody })).toMatchObject({
      code: 2,
      out: [],
      err: `ztm-chat: The state directory ${folder} is out of this user's reach; run this as its owner, or name another with --state-dir.\n`,
    })
  })

  test('a state directory that is a link to itself is refused', async () => {
    const loop = join(await folderInTest(), 'loop')
    await symlink('loop', loop)
    expect(await run(['status', '--state-dir', loop])).toMatchObject({
      code: 2,
      err: `ztm-chat: The state directory ${loop} is a symbolic link that leads back to itself; name a folder with --state-dir.\n`,
    })
  })

  test.each(['directly', 'by a link'])('a state directory that is the root of the file system is refused, named %s', async how => {
    const link = join(await folderInTest(), 'root')
    await symlink('/', link)
    const path = how === 'directly' ? '/' : link
    expect(await run(['status', '--state-dir', path])).toMatchObject({
      code: 2,
      err: `ztm-chat: The state directory ${path} is the root of the file system; name a folder of its own with --state-dir.\n`,
    })
  })

  test.each(['--help', 'demo --json', 'status'])('output that cannot be written is told in one sentence: %s', async args => {
    const folder = await folderInTest()
    await writeFile(join(folder, 'ztm-chat.json5'), '{ meshName: "home", username: "my-bot" }')
    const shell = spawnSync('sh', ['-c', `"$0" "$1" ${args} > /dev/full`, process.execPath, CLI], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, NODE_NO_WARNINGS: '1', XDG_STATE_HOME: folder },
    })
    expect({ code: shell.status, err: shell.stderr }).toEqual({
      code: 1,
      err: 'ztm-chat: Standard output cannot be written (ENOSPC); make room for it, or send it elsewhere.\n',
    })
  })

  test('drawings that cannot be written anywhere are told so', async () => {
    expect(await run(['statecharts', '--out', ''])).toMatchObject({
      code: 2,
      err: 'ztm-chat: Nothing can be drawn in "" (ENOENT); name a folder with --out.\n',
    })
  })

  test.each([['explain'], ['users'], ['nothing-called']])('what is typed is quoted in short: %s', async command => {
    const { code, err } = await run([command, 'x'.repeat(100_000)])
    expect(code).toBe(2)
    expect(err.length).toBeLessThan(3_000)
  })

  test('the stack of a failure is there for those who ask for it', async () => {
    const args = ['run', '--config', 'nowhere.json5', '--debug']
    expect((await run(args, { cwd: await folderInTest() })).err).toMatch(/^\s+at /m)
  })

  test('statecharts draws, and its check is content with that until something changes', async () => {
    const folder = await folderInTest()
    expect(await run(['statecharts', '--out', folder, '--check'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('npm run statecharts'),
    })
    expect((await run(['statecharts', '--out', folder])).code).toBe(0)
    expect(await readdir(folder)).toContain('chat.mmd')
    expect(await run(['statecharts', '--out', folder, '--check'])).toMatchObject({ code: 0, out: [], err: '' })
  })
})

describe('the demo', { timeout: 60_000 }, () => {
  test('tells its story in readable lines without colours, and ends by itself', async () => {
    const ended = await run(['demo'])
    expect(ended).toMatchObject({ code: 0, err: '' })
    const story = ended.out.join('\n')
    expect(story).not.toContain('\x1b')
    for (const part of [
      'pairing · pending',
      '$ ztm-chat pairing approve ',
      'You are approved.',
      'echo: Hello! Are you there?',
      '@bot does the build pass?',
      'process · creator',
      'echo: does the build pass?',
      'ignore · mention_required',
    ]) {
      expect(story).toContain(part)
    }
    expect(story).toMatch(/echo: does the build pass\? +\d+ ms/)
  })

  test('tells it as JSON, too', async () => {
    const ended = await run(['demo', '--json'])
    expect(ended.code).toBe(0)
    const lines = ended.out.map(line => JSON.parse(line) as Line)
    expect(lines.filter(({ event }) => event === 'decision').map(({ action }) => action)).toEqual(['pairing', 'process', 'ignore'])
    expect(lines.at(-1)?.event).toBe('end')
  })

  test('Ctrl-C ends it in the middle, cleanly', async () => {
    const running = startInTest(['demo', '--json'])
    await running.line(({ event }) => event === 'scene')
    expect(await running.stop('SIGINT')).toMatchObject({ code: 0, signal: null, err: '' })
  })
})

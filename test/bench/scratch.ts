import { openBot, openFolder, openMesh } from './kit/stage.ts'
import { NO_GUARD, using } from './kit/bench.ts'
await using(async defer => {
  const { mesh, urls } = await openMesh(defer, 'instant')
  const bot = openBot(defer)
  await bot.call('start', await openFolder(defer), urls, { unconfirmedPosts: 64, ...NO_GUARD })
  await mesh.call('burst', 0, { users: 500, each: 1 })
  for (let k = 0; k < 3; k++) {
    await mesh.call('requests', 0)
    const before = await bot.call('usage')
    const [w] = await mesh.call('flatOut', [0], { users: 500, open: 200, seconds: Number(process.argv[2] ?? 4) })
    const after = await bot.call('usage')
    const n = await mesh.call('requests', 0)
    console.log((w!.count / w!.seconds).toFixed(0), 'msg/s; cpu us/msg', (((after.cpuMs - before.cpuMs) * 1000) / w!.count).toFixed(0), 'requests/msg', (n / w!.count).toFixed(2), 'p50', w!.p50.toFixed(0))
  }
  await bot.call('stop')
})

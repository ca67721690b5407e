import { CHAT, type Exchange, MESH, type Shown } from './exchanges.ts'
import type { Stage } from './replay.ts'

type Step = (stage: Stage) => unknown

/** What the recording program did between the recorded exchanges, as far as their answers show it. */
export const hiddenEvents: readonly { readonly atMs: number; readonly run: Step }[] = [
  { atMs: 1795462362000, run: settleQuickly },
  { atMs: 1795462363500, run: nudge('carol', 'nudge-1') },
  { atMs: 1795462371091, run: nudge('carol', 'nudge-2') },
  { atMs: 1795462465000, run: settleAsUsual },
  { atMs: 1795462465541, run: post('alice', `${CHAT}/peers/bob/messages`, '[1]') },
  { atMs: 1795462465854, run: post('alice', `${CHAT}/peers/bob/messages`, '{"text":{"a":1}}') },
  { atMs: 1795462467400, run: settleQuickly },
  { atMs: 1795462495728, run: post('alice', `${CHAT}/groups/alice/g-badmembers`, '{"name":"x","members":"bob"}') },
  { atMs: 1795462497771, run: post('alice', `${CHAT}/groups/alice/g-out`, '{"name":"Out","members":["openclaw-bot"]}') },
  { atMs: 1795462498016, run: post('alice', `${CHAT}/files`, '') },
  { atMs: 1795462498450, run: settleAsUsual },
  { atMs: 1795462499000, run: settleQuickly },
  { atMs: 1795462508027, run: nudge('carol', 'nudge-1') },
  // The same name, not encoded by its sender.
  { atMs: 1795462509311, run: post('alice', `${CHAT}/peers/%C3%A5%C2%BC%C2%A0%C3%A4%C2%B8%C2%89/messages`, '{"text":"to unicode-raw"}') },
  { atMs: 1795462821825, run: settleAsUsual },
  { atMs: 1795462836000, run: settleQuickly },
  { atMs: 1795463306000, run: readAll('openclaw-bot') },
  { atMs: 1795463402000, run: restart('openclaw-bot') },
  { atMs: 1795463420000, run: restart('alice') },
  { atMs: 1795463575000, run: skew('carol', 3_600_000) },
  { atMs: 1795463602423, run: nudge('root', 'nudge-skew1-1795463602423') },
  { atMs: 1795463612000, run: skew('carol', 0) },
  { atMs: 1795463545000, run: readAll('openclaw-bot') },
  { atMs: 1795463632447, run: nudge('root', 'nudge-skew2-1795463632447') },
  { atMs: 1795463655000, run: restart('bob') },
  { atMs: 1795463965000, run: stage => stage.mesh.hub.down() },
  { atMs: 1795463992000, run: stage => stage.mesh.hub.up() },
  // The second mesh of the later recordings.
  { atMs: 1795464180000, run: restart('root') },
  { atMs: 1795464182000, run: stage => stage.agent('openclaw-bot').kill() },
  { atMs: 1795464184900, run: restart('openclaw-bot') },
  { atMs: 1795464188000, run: stage => stage.agent('openclaw-bot').kill() },
  { atMs: 1795464191500, run: restart('openclaw-bot') },
  { atMs: 1795464210000, run: skew('carol', -3_600_000) },
  { atMs: 1795464317030, run: nudge('root', 'nudge-skew1-1795464317030') },
  { atMs: 1795464325000, run: skew('carol', 0) },
  { atMs: 1795464347047, run: nudge('root', 'nudge-skew2-1795464347047') },
  { atMs: 1795464545000, run: stage => stage.mesh.hub.down() },
  { atMs: 1795464552000, run: stage => stage.mesh.hub.up() },
]

const USUAL = { announceEveryMs: 1_000, settleMs: 500, fetchMs: [5, 20], rightsArriveLate: true } as const
const QUICK = { announceEveryMs: 20, settleMs: 40, fetchMs: [1, 3], rightsArriveLate: false } as const

/** Where the recording program waited until all was there, the mesh is made quick instead. */
function settleQuickly({ mesh }: Stage): void {
  Object.assign(mesh.quirks, QUICK)
}

function settleAsUsual({ mesh }: Stage): void {
  Object.assign(mesh.quirks, USUAL)
}

/** Somebody looks into every chat of this user, which resets `updated`. */
function readAll(user: string): Step {
  return async stage => {
    const { body } = await stage.send(user, 'GET', `${CHAT}/chats`)
    for (const { peer, creator, group } of JSON.parse(body) as { peer?: string; creator?: string; group?: string }[]) {
      const place = peer === undefined ? `groups/${creator}/${encodeURIComponent(group!)}` : `peers/${encodeURIComponent(peer)}`
      await stage.send(user, 'GET', `${CHAT}/${place}/messages`)
    }
  }
}

function restart(user: string): Step {
  return stage => stage.agent(user).restart()
}

/** The chat app of this agent has never been asked for. */
async function withoutChatApp(stage: Stage, user: string): Promise<void> {
  const agent = stage.agent(user)
  agent.membership('openclaw-mesh')!.stored.appRan = false
  agent.restart()
  await stage.clock.advance(100)
}

/** A small file that everybody may see: it wakes who waits. */
function nudge(user: string, name: string): Step {
  return stage => stage.send(user, 'POST', `${MESH}/file-data/shared/${user}/${name}`, `nudge ${stage.clock.now()} `)
}

function post(user: string, target: string, body: string): Step {
  return stage => stage.send(user, 'POST', target, body)
}

/** The agent is started again with another clock. */
function skew(user: string, ms: number): Step {
  return stage => {
    stage.agent(user).setSkew(ms)
    stage.agent(user).restart()
  }
}

const EVERYBODY = ['root', 'openclaw-bot', 'alice', 'bob', 'carol']

function everybody({ agent }: Stage): void {
  for (const name of EVERYBODY) agent(name)
}

export type Phase = { readonly startMs: number; readonly first: string; readonly last: string; readonly prepare: Step }

export const phases: readonly Phase[] = [
  {
    startMs: 1795462225000,
    first: 'version',
    last: 'cold-first-dm-chats-14s',
    // The agents have just been started.
    prepare: async stage => {
      everybody(stage)
      for (const name of EVERYBODY) stage.agent(name).restart()
      await stage.clock.advance(3_000)
    },
  },
  {
    startMs: 1795462325000,
    first: 'appinfo',
    last: 'longdown-up-files',
    prepare: async stage => {
      everybody(stage)
      await withoutChatApp(stage, 'root')
      await stage.clock.advance(15_000)
    },
  },
  {
    startMs: 1795464100000,
    first: 'permit-garbage',
    last: 'clean-get',
    prepare: async stage => {
      everybody(stage)
      settleQuickly(stage)
      await withoutChatApp(stage, 'root')
    },
  },
]

const joinBody = (body: string, stage: Stage): string => {
  const mesh = JSON.parse(body) as { agent: { name: string } }
  const permit = stage.mesh.permit('dave')
  return JSON.stringify({ ...permit, agent: { ...permit.agent, name: mesh.agent.name } })
}

export const scenario = {
  /** Moments that nothing in the answers tells. */
  at: {
    'cold-dm-post': 1795462230928,
    'cold-first-dm-chats-8s': 1795462236000,
    'cold-first-dm-chats-14s': 1795462238500,
    'chats-updated-5': 1795462364880,
    'odd-object-empty': 1795462465604,
    'odd-extra': 1795462465666,
    'odd-text-number': 1795462465729,
    'odd-text-null': 1795462465792,
    'odd-sender-time-forged': 1795462465917,
    'odd-unicode': 1795462465979,
    'odd-lone-high': 1795462466042,
    'odd-lone-low': 1795462466105,
    'odd-pair-escaped': 1795462466167,
    'odd-nul-escape': 1795462466230,
    'group-create': 1795462469000,
    'big-post': 1795462500032,
    'group-name-odd-chats': 1795462497000,
    'file-msg-chats': 1795462498440,
    'name-space-post': 1795462508939,
    'name-plus-post': 1795462509101,
    'name-unicode-post': 1795462509203,
    'name-slash-post': 1795462509515,
    'name-dots-post': 1795462509621,
    'name-dots-enc-post': 1795462509820,
    'name-hash-post': 1795462510090,
    'name-quest-post': 1795462510198,
    'name-self-post': 1795462510308,
    'name-long-post': 1795462510411,
    'name-quote-post': 1795462510510,
    'name-nul-post': 1795462510600,
    'stuck-mesh': 1795462736000,
    'stuck-post': 1795462750839,
    'stuck-restarted-users': 1795462752500,
    'files-nosince': 1795462755000,
    'group-noname': 1795462495725,
    'group-name-odd': 1795462495730,
    'files-wait-post': 1795462795471,
    'files-wait-two-post': 1795462797581,
    'slow-nul-escape': 1795462831541,
    'files-wait-change': 1795462795600,
    'files-wait-data': 1795462795700,
    'files-wait-future': 1795463200000,
    'same-ms-file': 1795463303345,
    'same-ms-file-data': 1795463304500,
    'down-longpoll': 1795463311670,
    'down-mesh': 1795463314600,
    'down-post': 1795463315135,
    'down-files': 1795463315300,
    'down-restarted-mesh': 1795463317680,
    'up-mesh': 1795463322000,
    'up-chats-20s': 1795463349292,
    'up-files': 1795463349900,
    'restart-chats': 1795463405000,
    'skew-ahead-chats': 1795463601000,
    'skew-ahead-files': 1795463603600,
    'skew-ahead-post2': 1795463629400,
    'skew-ahead-files2': 1795463634000,
    'permit-garbage': 1795464112700,
    'permit-after-garbage': 1795464112800,
    'permit-garbage-mesh': 1795464175000,
    'permit-garbage-endpoints': 1795464176000,
    'skew-behind-files': 1795464318500,
    'skew-behind-files2': 1795464348000,
    'longdown-mesh': 1795463989000,
    'longdown-up-post': 1795464066417,
    'agentkill-chats': 1795464187000,
    'agentkill-updated': 1795464200000,
    'skew-behind-chats': 1795464315000,
    'broken-permit': 1795464400000,
    'frozen-chats': 1795464590000,
    'rejoin-empty-object': 1795464600000,
  } as Readonly<Record<string, number>>,

  skewMs: { 'skew-ahead-post': 3_600_000 } as Readonly<Record<string, number>>,

  /** Time after the exchange before. */
  after: {
    'cold-dm-sender-get-at-once': 1,
    'dm-sender-get-at-once': 1,
    'file-get-bot': 20,
    'file-get-carol': 20,
    'file-delete': 20,
    'file-delete-unknown': 20,
    'file-get-after-delete': 20,
    'file-get-bot-after-delete': 20,
    'down-files-since': 20,
    'down-file-data': 20,
    'down-permit': 20,
    'down-chat-not-started': 20,
    'down-restarted-users': 20,
    'down-restarted-files': 20,
    'longdown-chats': 20,
    'longdown-messages': 20,
    'longdown-users': 20,
    'longdown-endpoints': 20,
    'longdown-hubs': 20,
    'longdown-post': 20,
    'longdown-group-post': 20,
    'longdown-group-set': 20,
    'longdown-group-get': 20,
    'longdown-file-post': 20,
    'longdown-files': 20,
    'longdown-files-wait': 20,
    'longdown-file-data': 20,
    'longdown-permit': 20,
  } as Readonly<Record<string, number>>,

  /** Time before an exchange when the usual is not right. */
  wait: {
    'first-dm-chats-14s': 3_000,
    'rejoin-chats': 3_000,
    'broken-rejoin-endpoints': 4_000,
    'mesh-get-early': 1,
    'mesh-get': 500,
    'mesh-name-space': 1,
    'mesh-garbage-get': 500,
    'files-wait-two-a': 1,
  } as Readonly<Record<string, number>>,

  before: {
    'stuck-restarted-users': async stage => {
      stage.agent('alice').restart()
      await stage.clock.advance(1_500)
    },
    // Between two recordings the files of notes were written and deleted.
    'files-nosince': async stage => {
      for (const name of ['a.txt', 'zzz.txt']) {
        await stage.send('alice', 'POST', `${MESH}/file-data/shared/alice/notes/${name}`, name)
        await stage.send('alice', 'DELETE', `${MESH}/files/shared/alice/notes/${name}`)
        await stage.clock.advance(200)
      }
    },
    'down-restarted-mesh': async stage => {
      stage.agent('carol').restart()
      await stage.clock.advance(200)
    },
    // A permit request without a body has made the hub fail already.
    'broken-permit': async stage => {
      stage.agent('root').restart()
      await stage.clock.advance(1_500)
      await stage.send('root', 'POST', `${MESH}/permits/erin`)
    },
    'broken-permit-2': async stage => {
      stage.agent('root').restart()
      await stage.clock.advance(1_500)
    },
    'up-mesh': async stage => {
      stage.mesh.hub.up()
      await stage.clock.advance(5_000)
    },
    // A join that ruins the certificate of a mesh that works.
    'mesh-get-garbage-cert': async stage => {
      await stage.send('spare', 'POST', MESH, '{"agent":{"certificate":"garbage"}}')
      await stage.clock.advance(500)
    },
  } as Readonly<Record<string, Step>>,

  during: {
    'down-longpoll': [{ afterMs: 2_800, run: stage => stage.mesh.hub.down() }],
  } as Readonly<Record<string, readonly { readonly afterMs: number; readonly run: Step }[]>>,

  notPosted: ({ sender, time }: Shown): boolean => sender === 'alice' && (time === 1795463303340 || time === 1795463303341),

  /** The path, with the clock of this hub in the place of the other. */
  target: ({ id, request }: Exchange, { mesh }: Stage): string => {
    const tombstone = mesh.hub.files.get('/shared/alice/notes/zzz.txt')?.since ?? 0
    const since = { 'files-since-now': mesh.hub.now(), 'files-since-minus1': tombstone - 1 }[id]
    return since === undefined ? request.path : `${MESH}/files?since=${since}`
  },

  body: ({ id, request: { body } }: Exchange, stage: Stage): string | undefined => {
    if (id === 'big-post') return JSON.stringify({ text: 'a'.repeat(1_048_576) })
    if (body === undefined) return undefined
    return body.includes('BEGIN CERTIFICATE') ? joinBody(body, stage) : body
  },
}

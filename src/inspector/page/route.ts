/** Which view is shown, in the address after `#`. */
import { signal } from '@preact/signals'

export type Route =
  | { readonly view: 'overview' | 'actors' | 'requests' | 'log' }
  | { readonly view: 'chart'; readonly account: string; readonly actor: string }
  | { readonly view: 'chat'; readonly account: string; readonly chat: string }

export const route = signal<Route>(read())

function read(): Route {
  const [, view = '', account = '', name = ''] = location.hash
    .replace(/^#/, '')
    .split('/')
    .map(part => safely(part))
  if (view === 'chart' && name !== '') return { view, account, actor: name }
  if (view === 'chat' && name !== '') return { view, account, chat: name }
  return view === 'actors' || view === 'requests' || view === 'log' ? { view } : { view: 'overview' }
}

function safely(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return ''
  }
}

export const hrefOf = (to: Route): string => {
  if (to.view === 'chart') return `#/chart/${encodeURIComponent(to.account)}/${encodeURIComponent(to.actor)}`
  if (to.view === 'chat') return `#/chat/${encodeURIComponent(to.account)}/${encodeURIComponent(to.chat)}`
  return `#/${to.view === 'overview' ? '' : to.view}`
}

addEventListener('hashchange', () => {
  route.value = read()
})

// Sends Jane-like events with Segment's SDK for Node.
// node node.mjs HOST WRITE_KEY
import { Analytics } from '@segment/analytics-node'

const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics({ writeKey, host, flushAt: 3, flushInterval: 200 })

const errors = []
let delivered = 0
analytics.on('error', (e) => errors.push(String(e.reason ?? e.code)))

const call = (method, message) =>
  new Promise((done) =>
    analytics[method](message, (err) => {
      if (err) errors.push(String(err))
      else delivered++
      done()
    })
  )

const context = { app: { name: 'SegKicks' }, device: { id: 'node-device-1', type: 'ios' } }
const calls = [
  call('track', { anonymousId: 'node-anon-1', event: 'Shoe Viewed', properties: { product_id: 'shoe-a' }, context }),
  call('screen', { anonymousId: 'node-anon-1', name: 'Cart', context }),
  call('identify', { anonymousId: 'node-anon-1', userId: 'node-user-1', traits: { email: 'node@example.com', plan: 'gold' }, context }),
  call('track', { userId: 'node-user-1', event: 'Order Completed', properties: { revenue: 129 } }),
  call('page', { userId: 'node-user-1', name: 'Thanks' }),
  call('group', { userId: 'node-user-1', groupId: 'node-company', traits: { name: 'Nodes' } }),
  call('alias', { previousId: 'node-anon-0', userId: 'node-user-1' }),
]
await analytics.closeAndFlush({ timeout: 20_000 })
await Promise.all(calls)
console.log(JSON.stringify({ delivered, errors }))

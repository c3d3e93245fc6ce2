// snippets are what people paste into their apps. test/e2e runs them.
export const snippets: { name: string; about: string; text: (host: string, key: string) => string }[] = [
  {
    name: 'curl',
    about: 'To try it out on a command line.',
    text: (host, key) => `curl -u ${key}: ${host}/v1/track \\
  -H 'Content-Type: application/json' \\
  -d '{"userId": "u1", "event": "Hello", "properties": {"from": "curl"}}'`,
  },
  {
    name: 'Browser',
    about: "Segment's analytics.js, npm package @segment/analytics-next.",
    text: (host, key) => `import { AnalyticsBrowser } from '@segment/analytics-next'

const analytics = AnalyticsBrowser.load({
  writeKey: '${key}',
  cdnURL: '${host}',
})

analytics.identify('u1', { email: 'jane@example.com' })
analytics.track('Hello')`,
  },
  {
    name: 'Node',
    about: 'npm package @segment/analytics-node.',
    text: (host, key) => `import { Analytics } from '@segment/analytics-node'

const analytics = new Analytics({ writeKey: '${key}', host: '${host}' })

analytics.identify({ userId: 'u1', traits: { email: 'jane@example.com' } })
analytics.track({ userId: 'u1', event: 'Hello' })
await analytics.closeAndFlush()`,
  },
  {
    name: 'Go',
    about: 'Module github.com/segmentio/analytics-go/v3.',
    text: (host, key) => `client, err := analytics.NewWithConfig("${key}", analytics.Config{
	Endpoint: "${host}",
})
if err != nil {
	log.Fatal(err)
}
defer client.Close()
client.Enqueue(analytics.Track{UserId: "u1", Event: "Hello"})`,
  },
  {
    name: 'Swift',
    about: 'Package segmentio/analytics-swift.',
    text: (host, key) => `let analytics = Analytics(configuration: Configuration(writeKey: "${key}")
    .apiHost("${host.replace(/^https?:\/\//, '')}/v1")
    .cdnHost("${host.replace(/^https?:\/\//, '')}/v1"))

analytics.track(name: "Hello")`,
  },
  {
    name: 'Kotlin',
    about: 'Package com.segment.analytics.kotlin:android.',
    text: (host, key) => `val analytics = Analytics("${key}", applicationContext) {
    apiHost = "${host.replace(/^https?:\/\//, '')}/v1"
    cdnHost = "${host.replace(/^https?:\/\//, '')}/v1"
}

analytics.track("Hello")`,
  },
]

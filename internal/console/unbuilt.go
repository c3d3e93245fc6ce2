package console

// unbuilt is shown by a binary without the console.
var unbuilt = []byte(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Selfsame</title>
<style nonce="__NONCE__">
:root { color-scheme: light dark; }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto 0; padding: 0 1.5rem; }
code { background: color-mix(in srgb, currentColor 10%, transparent); padding: .1em .4em; border-radius: 4px; }
</style>
</head>
<body>
<h1>Selfsame is running</h1>
<p>This binary was built without the web console. To build one with it, have Node 20 and npm at hand and run
<code>make console build</code> in the source tree.</p>
<p>Everything else works: apps can send events, and the HTTP API answers. It is described at
<a href="/api/openapi.yaml">/api/openapi.yaml</a>.</p>
</body>
</html>
`)

import { Button, Center, Group, PasswordInput, Stack, Text, Title } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ok } from '../api/client'
import { Problem } from '../parts/parts'
import mark from '../mark.svg'

export function SignIn() {
  const [token, setToken] = useState('')
  const queries = useQueryClient()
  const signIn = useMutation({
    mutationFn: () => ok(api.POST('/api/session', { body: { token: token.trim() } })),
    onSuccess: () => {
      setToken('')
      queries.removeQueries({ predicate: (q) => q.queryKey[0] !== 'session' })
      queries.setQueryData(['session'], true)
    },
  })
  return (
    <main>
      <Center mih="100vh" p="md">
        <form
          className="card"
          style={{ padding: 32, width: 420, maxWidth: '100%' }}
          onSubmit={(e) => {
            e.preventDefault()
            if (token.trim()) signIn.mutate()
          }}
        >
          <Stack>
            <Group gap="sm">
              <img src={mark} width={40} height={40} alt="" />
              <Title order={1} fz={24}>Selfsame</Title>
            </Group>
            <Text className="muted">See your customers become people. Sign in to look around.</Text>
            {signIn.error && <Problem error={signIn.error} title="You are not signed in" />}
            <PasswordInput
              label="Admin token"
              description="It stands in the server's configuration, or was shown when the server first started."
              value={token}
              onChange={(e) => setToken(e.currentTarget.value)}
              autoComplete="current-password"
              data-autofocus
              autoFocus
            />
            <Button type="submit" loading={signIn.isPending} disabled={!token.trim()} size="md">Sign in</Button>
          </Stack>
        </form>
      </Center>
    </main>
  )
}

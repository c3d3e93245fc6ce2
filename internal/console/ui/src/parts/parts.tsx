import { ActionIcon, Alert, Button, Center, CopyButton, Group, Loader, Skeleton, Stack, Text, Title, Tooltip } from '@mantine/core'
import { IconAlertTriangle, IconCheck, IconCopy } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { ApiError } from '../api/client'
import { ago, split, typeName, utc, when, whenExact } from './format'
import { masked, maskedJSON, useMask } from './mask'

export function PageTitle({ title, text, children }: { title: ReactNode; text?: ReactNode; children?: ReactNode }) {
  return (
    <Group justify="space-between" align="flex-start" mb="lg" wrap="wrap" gap="sm">
      <div>
        <Title order={1} fz={26} lh={1.2}>{title}</Title>
        {text && <Text className="muted" mt={4} maw="65ch">{text}</Text>}
      </div>
      {children && <Group gap="xs">{children}</Group>}
    </Group>
  )
}

// When shows a time in the viewer's zone, in UTC on hover.
export function When({ at, exact, relative }: { at: string | null | undefined; exact?: boolean; relative?: boolean }) {
  if (!at) return <span className="muted">—</span>
  return <time dateTime={at} title={utc(at)}>{relative ? ago(at) : exact ? whenExact(at) : when(at)}</time>
}

// Id shows an identifier, type:value.
export function Id({ id }: { id: string }) {
  const [type, value] = split(id)
  const { on } = useMask()
  return (
    <span className="chip" title={type}>
      {type && <span className="type">{typeName(type)}</span>}
      <span className="value">{on ? masked(value) : value}</span>
    </span>
  )
}

export function Copy({ value, label = 'Copy' }: { value: string; label?: string }) {
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : label}>
          <ActionIcon variant="subtle" color="ink" onClick={copy} aria-label={label}>
            {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  )
}

export function Code({ children, copy, wrap }: { children: string; copy?: boolean; wrap?: boolean }) {
  return (
    <div style={{ position: 'relative' }}>
      <pre className={wrap ? 'code wrap' : 'code'} tabIndex={0}>{children}</pre>
      {copy && <div style={{ position: 'absolute', top: 8, right: 8 }}><Copy value={children} /></div>}
    </div>
  )
}

export function Json({ value }: { value: unknown }) {
  const { on } = useMask()
  return <Code wrap copy={!on}>{JSON.stringify(on ? maskedJSON(value) : value, null, 2)}</Code>
}

// Problem says what went wrong and what to do.
export function Problem({ error, retry, title }: { error: unknown; retry?: () => void; title?: string }) {
  const e = error instanceof ApiError ? error : new ApiError(0, 'error', error instanceof Error ? error.message : String(error))
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle />} title={title ?? 'That did not work'} role="alert">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{e.message}</Text>
        {e.details.length > 0 && <ul style={{ margin: 0, paddingLeft: 18, fontSize: 14 }}>{e.details.map((d) => <li key={d}>{d}</li>)}</ul>}
        {e.status >= 500 && e.requestId && <Text size="xs" className="muted">Request {e.requestId}: the server's log has the cause under this number.</Text>}
        {retry && <Button size="xs" variant="light" color="red" onClick={retry}>Try again</Button>}
      </Stack>
    </Alert>
  )
}

export function Empty({ icon, title, children }: { icon?: ReactNode; title: string; children?: ReactNode }) {
  return (
    <Center py={48} px="md">
      <Stack align="center" gap={8} maw={460} ta="center">
        {icon && <div className="muted" aria-hidden>{icon}</div>}
        <Text fw={600}>{title}</Text>
        {children && <div className="muted" style={{ fontSize: 14 }}>{children}</div>}
      </Stack>
    </Center>
  )
}

export function Loading({ rows = 4 }: { rows?: number }) {
  return (
    <Stack gap="sm" role="status" aria-busy="true" aria-label="Loading" p="md">
      {Array.from({ length: rows }, (_, i) => <Skeleton key={i} h={18} w={`${95 - ((i * 17) % 40)}%`} radius="sm" />)}
    </Stack>
  )
}

export const Spinner = () => <Center py={80} role="status" aria-label="Loading"><Loader aria-hidden /></Center>

export function Card({ title, aside, children, pad = true }: { title?: ReactNode; aside?: ReactNode; children: ReactNode; pad?: boolean }) {
  return (
    <section className="card" style={{ minWidth: 0 }}>
      {title && (
        <Group justify="space-between" px={18} pt={14} pb={pad ? 0 : 10} wrap="wrap">
          <Title order={2} fz={16}>{title}</Title>
          {aside}
        </Group>
      )}
      <div style={pad ? { padding: 18, paddingTop: title ? 10 : 18 } : { overflowX: 'auto' }} tabIndex={pad ? undefined : 0}>{children}</div>
    </section>
  )
}

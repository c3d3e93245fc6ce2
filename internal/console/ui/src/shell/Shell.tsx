import { ActionIcon, AppShell, Burger, Group, Menu, ScrollArea, Select, Switch, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router'
import {
  IconActivity, IconAlertTriangle, IconBroadcast, IconChartLine, IconEyeOff, IconGitMerge, IconHistory, IconHome, IconListDetails, IconLogout,
  IconMailX, IconMoon, IconPlugConnected, IconSend, IconSettings, IconSun, IconUser, IconUsers, IconUsersGroup,
} from '@tabler/icons-react'
import { useEffect, type ReactNode } from 'react'
import { api, ok } from '../api/client'
import mark from '../mark.svg'
import { useMask } from '../parts/mask'
import { Problem, Spinner } from '../parts/parts'
import { Search } from '../pages/home/Search'
import { useSpaces } from './Root'
import { useSpace } from './space'
import { NotFound } from './NotFound'

export function Shell() {
  const space = useSpace()
  const spaces = useSpaces()
  const [open, nav] = useDisclosure()
  const path = useRouterState({ select: (s) => s.location.pathname })
  useEffect(() => nav.close(), [path])
  useEffect(() => localStorage.setItem('selfsame.space', space), [space])
  if (spaces.error) return <main style={{ padding: 24 }}><Problem error={spaces.error} retry={() => spaces.refetch()} /></main>
  if (!spaces.data) return <Spinner />
  if (!spaces.data.some((s) => s.id === space)) return <NotFound />
  const home = path.replace(/\/$/, '') === `/spaces/${space}`
  return (
    <AppShell header={{ height: 60 }} navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: !open } }} padding={{ base: 'md', sm: 'xl' }}
      styles={{ header: { background: 'var(--page)' }, navbar: { background: 'var(--page)' }, main: { background: 'var(--page)' } }}>
      <a href="#main" className="skip">Skip to the content</a>
      <AppShell.Header withBorder={false} style={{ borderBottom: '1px solid var(--line)' }}>
        <Group h="100%" px="md" gap="sm" wrap="nowrap">
          <Burger opened={open} onClick={nav.toggle} hiddenFrom="sm" size="sm" aria-label={open ? 'Close the menu' : 'Open the menu'} />
          <Link to="/spaces/$space" params={{ space }} aria-label="Selfsame, to the start" style={{ display: 'flex', alignItems: 'center', gap: 10, textDecoration: 'none' }}>
            <img src={mark} width={30} height={30} alt="" />
            <strong className="mantine-visible-from-sm" style={{ fontSize: 17, letterSpacing: '-0.01em' }}>Selfsame</strong>
          </Link>
          <div style={{ flex: 1, maxWidth: 560, margin: '0 auto', minWidth: 0 }}>{!home && <Search compact />}</div>
          <SignedIn />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar withBorder={false} style={{ borderRight: '1px solid var(--line)' }} p="sm">
        <AppShell.Section grow component={ScrollArea}>
          <Nav space={space} />
        </AppShell.Section>
        <AppShell.Section pt="sm">
          <Spaces space={space} list={spaces.data} />
        </AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main id="main">
        <div style={{ maxWidth: 1180, margin: '0 auto' }}><Outlet /></div>
      </AppShell.Main>
    </AppShell>
  )
}

function Nav({ space }: { space: string }) {
  const warnings = useQuery({
    queryKey: ['warnings', space, 'open'],
    queryFn: () => ok(api.GET('/api/spaces/{space}/warnings', { params: { path: { space }, query: { limit: 100 } } })),
    refetchInterval: 30_000,
  })
  const open = warnings.data?.data.length ?? 0
  const item = (to: '' | 'live' | 'audiences' | 'destinations' | 'duplicates' | 'why' | 'decisions' | 'rules' | 'sources' | 'refused' | 'insights' | 'warnings' | 'audit' | 'settings', icon: ReactNode, label: string, badge?: number) => (
    <Link to={`/spaces/$space${to ? '/' + to : ''}` as '/spaces/$space'} params={{ space }} activeOptions={{ exact: to === '' }} activeProps={{ className: 'active', 'aria-current': 'page' }}>
      {icon} <span style={{ flex: 1 }}>{label}</span>
      {badge ? <span className="num" style={{ fontSize: 12, fontWeight: 600 }}>{badge}</span> : null}
    </Link>
  )
  const s = { size: 18, stroke: 1.7, 'aria-hidden': true } as const
  return (
    <nav className="nav" aria-label="Pages">
      {item('', <IconHome {...s} />, 'Home')}
      {item('live', <IconBroadcast {...s} />, 'Live events')}
      {item('audiences', <IconUsersGroup {...s} />, 'Audiences')}
      {item('destinations', <IconSend {...s} />, 'Destinations')}
      <div className="group">Who is who</div>
      {item('why', <IconGitMerge {...s} />, 'Why one person?')}
      {item('duplicates', <IconUsers {...s} />, 'Possible duplicates')}
      {item('decisions', <IconUser {...s} />, 'Decisions')}
      {item('rules', <IconListDetails {...s} />, 'Rules')}
      <div className="group">Data</div>
      {item('sources', <IconPlugConnected {...s} />, 'Sources')}
      {item('refused', <IconMailX {...s} />, 'Refused messages')}
      <div className="group">Health</div>
      {item('warnings', <IconAlertTriangle {...s} />, 'Warnings', open)}
      {item('insights', <IconChartLine {...s} />, 'What happened')}
      {item('audit', <IconHistory {...s} />, 'Audit')}
      <div className="group">Setup</div>
      {item('settings', <IconSettings {...s} />, 'Settings')}
    </nav>
  )
}

function Spaces({ space, list }: { space: string; list: { id: string; name: string }[] }) {
  const go = useNavigate()
  return (
    <Select
      label="Space"
      size="sm"
      value={space}
      data={list.map((s) => ({ value: s.id, label: s.name || s.id }))}
      allowDeselect={false}
      onChange={(v) => v && go({ to: '/spaces/$space', params: { space: v } })}
      comboboxProps={{ position: 'top' }}
    />
  )
}

function SignedIn() {
  const mask = useMask()
  const scheme = useComputedColorScheme('light')
  const { setColorScheme } = useMantineColorScheme()
  const queries = useQueryClient()
  const out = useMutation({
    mutationFn: () => ok(api.DELETE('/api/session')),
    onSettled: () => {
      queries.removeQueries({ predicate: (q) => q.queryKey[0] !== 'session' })
      queries.setQueryData(['session'], false)
    },
  })
  return (
    <Group gap={4} wrap="nowrap">
      <Tooltip label={mask.on ? 'Personal data is hidden' : 'Hide personal data on the screen'}>
        <ActionIcon variant={mask.on ? 'filled' : 'subtle'} color={mask.on ? 'iris' : 'ink'} size="lg" onClick={() => mask.set(!mask.on)} aria-label="Hide personal data" aria-pressed={mask.on}>
          <IconEyeOff size={19} stroke={1.7} />
        </ActionIcon>
      </Tooltip>
      <Menu position="bottom-end" width={240}>
        <Menu.Target>
          <ActionIcon variant="subtle" color="ink" size="lg" aria-label="Your menu"><IconActivity size={19} stroke={1.7} /></ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item closeMenuOnClick={false} rightSection={<Switch size="xs" checked={mask.on} readOnly tabIndex={-1} aria-hidden />} onClick={() => mask.set(!mask.on)}>Hide personal data</Menu.Item>
          <Menu.Item leftSection={scheme === 'dark' ? <IconSun size={16} /> : <IconMoon size={16} />} onClick={() => setColorScheme(scheme === 'dark' ? 'light' : 'dark')}>
            {scheme === 'dark' ? 'Light colours' : 'Dark colours'}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => out.mutate()}>Sign out</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  )
}

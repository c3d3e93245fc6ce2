package query_test

import "github.com/selfsame-id/selfsame/internal/space/spacetest"

// What tests of spaces have in common.
var (
	memoryDisk = spacetest.MemoryDisk
	openShared = spacetest.OpenShared
	openSpace  = spacetest.Open
	newSpace   = spacetest.New
	parse      = spacetest.Parse
	ingest     = spacetest.Ingest
	verify     = spacetest.Verify
	user       = spacetest.User
	world      = spacetest.World
	clockAt    = spacetest.ClockAt
)

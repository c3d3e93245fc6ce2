package watch_test

import "github.com/selfsame-id/selfsame/internal/space/spacetest"

// What tests of spaces have in common.
var (
	openShared = spacetest.OpenShared
	openSpace  = spacetest.Open
	newSpace   = spacetest.New
	memoryDisk = spacetest.MemoryDisk
	pebbleDisk = spacetest.PebbleDisk
	ingest     = spacetest.Ingest
	verify     = spacetest.Verify
	user       = spacetest.User
	jane       = spacetest.Jane
	summary    = spacetest.Summary
	clockAt    = spacetest.ClockAt
)

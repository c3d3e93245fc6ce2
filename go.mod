module github.com/selfsame-id/selfsame

go 1.26.8

require (
	github.com/dchest/siphash v1.2.3 // indirect
	pgregory.net/rapid v1.3.0 // indirect
)

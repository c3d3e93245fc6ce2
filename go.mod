module github.com/selfsame-id/selfsame

go 1.26.8

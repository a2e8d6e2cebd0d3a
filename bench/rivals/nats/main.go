// NATS with its WebSocket listener: every client subscribes to one subject. Each line "EVENTS SERIAL"
// of standard input publishes so many events, over a connection inside the process.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	subject = "bench"
	mark    = `"id":"b`
	digits  = 9
)

func main() {
	event := os.Getenv("BENCH_EVENT")
	at := strings.Index(event, mark) + len(mark)
	options := &server.Options{
		Host:         "127.0.0.1",
		Port:         server.RANDOM_PORT,
		DontListen:   true,
		NoSigs:       true,
		PingInterval: time.Hour,
		Websocket:    server.WebsocketOpts{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoTLS: true},
	}
	gateway, err := server.NewServer(options)
	if err != nil {
		log.Fatal(err)
	}
	gateway.Start()
	if !gateway.ReadyForConnections(10 * time.Second) {
		log.Fatal("NATS is not ready")
	}
	publisher, err := gateway.InProcessConn()
	if err != nil {
		log.Fatal(err)
	}
	// What the server says to the publisher is read and dropped.
	go bufio.NewReader(publisher).WriteTo(discard{})
	fmt.Fprint(publisher, "CONNECT {\"verbose\":false}\r\n")
	fmt.Println(options.Websocket.Port)

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var events, serial int
		if _, err := fmt.Sscanf(lines.Text(), "%d %d", &events, &serial); err != nil {
			log.Fatal(err)
		}
		var batch strings.Builder
		for n := serial; n < serial+events; n++ {
			data := fmt.Sprintf("%s%0*d%s", event[:at], digits, n, event[at+digits:])
			fmt.Fprintf(&batch, "PUB %s %d\r\n%s\r\n", subject, len(data), data)
		}
		if _, err := publisher.Write([]byte(batch.String())); err != nil {
			log.Fatal(err)
		}
	}
}

type discard struct{}

func (discard) Write(bytes []byte) (int, error) { return len(bytes), nil }

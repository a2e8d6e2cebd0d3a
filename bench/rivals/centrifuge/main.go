// Centrifugo's engine: every client is subscribed by the server when it connects, over its JSON
// protocol. Each line "EVENTS SERIAL" of standard input publishes so many events.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/centrifugal/centrifuge"
)

const (
	channel = "bench"
	mark    = `"id":"b`
	digits  = 9
)

func main() {
	event := os.Getenv("BENCH_EVENT")
	at := strings.Index(event, mark) + len(mark)
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		log.Fatal(err)
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			Credentials:   &centrifuge.Credentials{},
			Subscriptions: map[string]centrifuge.SubscribeOptions{channel: {}},
			// One ping an hour: heartbeats are not what is measured.
			PingPongConfig: &centrifuge.PingPongConfig{PingInterval: time.Hour, PongTimeout: time.Minute},
		}, nil
	})
	node.OnConnect(func(*centrifuge.Client) {})
	if err := node.Run(); err != nil {
		log.Fatal(err)
	}
	http.Handle("/connection/websocket", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{}))
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.Serve(listener, nil)) }()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var events, serial int
		if _, err := fmt.Sscanf(lines.Text(), "%d %d", &events, &serial); err != nil {
			log.Fatal(err)
		}
		for n := serial; n < serial+events; n++ {
			data := fmt.Sprintf("%s%0*d%s", event[:at], digits, n, event[at+digits:])
			if _, err := node.Publish(channel, []byte(data)); err != nil {
				log.Fatal(err)
			}
		}
	}
}

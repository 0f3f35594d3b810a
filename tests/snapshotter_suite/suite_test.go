// containerd's own conformance suite (snapshots/testsuite) against a snapshotter behind a socket, through containerd's own proxy
// client. ../snapshotter_suite.sh builds it from Debian's sources and runs it; ZP_SOCKET names the socket.
package suite

import (
	"context"
	"os"
	"testing"

	snapshotsapi "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/defaults"
	"github.com/containerd/containerd/snapshots"
	"github.com/containerd/containerd/snapshots/proxy"
	"github.com/containerd/containerd/snapshots/testsuite"
	"google.golang.org/grpc"
)

func TestSnapshotterSuite(t *testing.T) {
	socket := os.Getenv("ZP_SOCKET")
	if socket == "" {
		t.Fatal("ZP_SOCKET names no socket")
	}
	// As services/server does for a proxy plugin.
	connection, err := grpc.Dial("unix://"+socket, grpc.WithInsecure(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(defaults.DefaultMaxRecvMsgSize)),
		grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(defaults.DefaultMaxSendMsgSize)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	client := snapshotsapi.NewSnapshotsClient(connection)

	testsuite.SnapshotterSuite(t, "zeropull", func(ctx context.Context, root string) (snapshots.Snapshotter, func() error, error) {
		snapshotter := proxy.NewSnapshotter(client, "zeropull")
		return snapshotter, snapshotter.Close, nil
	})
}

// Pulls an image as containerd does for a pod: the certs.d folder says where and by which authority, every part is held
// against its digest. Usage: pull CERTS.D REFERENCE ADDRESS; every name leads to the address, in the place of name servers.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func main() {
	if err := pull(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func pull(ctx context.Context, folder, reference, address string) error {
	hosts := config.ConfigureHosts(ctx, config.HostOptions{
		HostDir: config.HostDirFromRoot(folder),
		UpdateClient: func(client *http.Client) error {
			client.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", address)
			}
			return nil
		},
	})
	resolver := docker.NewResolver(docker.ResolverOptions{Hosts: hosts})
	name, found, err := resolver.Resolve(ctx, reference)
	if err != nil {
		return err
	}
	fetcher, err := resolver.Fetcher(ctx, name)
	if err != nil {
		return err
	}
	text, err := fetched(ctx, fetcher, found)
	if err != nil {
		return err
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(text, &manifest); err != nil {
		return err
	}
	for _, part := range append(manifest.Layers, manifest.Config) {
		if _, err := fetched(ctx, fetcher, part); err != nil {
			return err
		}
	}
	fmt.Println(found.Digest)
	return nil
}

func fetched(ctx context.Context, fetcher remotes.Fetcher, what ocispec.Descriptor) ([]byte, error) {
	stream, err := fetcher.Fetch(ctx, what)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	text, err := io.ReadAll(stream)
	if err != nil {
		return nil, err
	}
	if what.Digest.Algorithm().FromBytes(text) != what.Digest {
		return nil, fmt.Errorf("%s is not what its digest says", what.Digest)
	}
	return text, nil
}

// Lists the archives of a folder in the form of golden_listing.txt, as Go's archive/tar and compress/gzip read them: what
// containerd unpacks with says what the tar reader has to find. Usage: go run list_corpus.go FOLDER > golden_listing.txt
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

const hashedSizeMax = 16 << 20

func owner(id int) uint32 {
	if uint32(id) == 0xffffffff {
		return 0
	}
	return uint32(id)
}

func list(stream io.Reader) error {
	reader := tar.NewReader(stream)
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if strings.IndexByte("123456", header.Typeflag) >= 0 {
			header.Size = 0
		}
		device := ""
		if header.Typeflag == tar.TypeChar || header.Typeflag == tar.TypeBlock {
			device = fmt.Sprintf(" device %d:%d", uint32(header.Devmajor), uint32(header.Devminor))
		}
		content := "-"
		if header.Size <= hashedSizeMax {
			hash := sha256.New()
			if _, err := io.Copy(hash, reader); err != nil {
				return err
			}
			content = fmt.Sprintf("%x", hash.Sum(nil)[:8])
		}
		fmt.Printf("%c %x -> %x mode %o owner %d:%d size %d time %d.%09d%s content %s\n", header.Typeflag, header.Name,
			header.Linkname, header.Mode&07777, owner(header.Uid), owner(header.Gid), header.Size, header.ModTime.Unix(),
			header.ModTime.Nanosecond(), device, content)
		var xattrs []string
		for key, value := range header.PAXRecords {
			if strings.HasPrefix(key, "SCHILY.xattr.") {
				xattrs = append(xattrs, fmt.Sprintf("  xattr %s %x", key[len("SCHILY.xattr."):], value))
			}
		}
		sort.Strings(xattrs)
		for _, line := range xattrs {
			fmt.Println(line)
		}
	}
}

func main() {
	files, _ := filepath.Glob(filepath.Join(os.Args[1], "*"))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		var stream io.Reader = bytes.NewReader(data[1:])
		gzipped := bytes.HasPrefix(data[1:], []byte{0x1f, 0x8b, 8})
		if data[0] == 'z' || data[0] == 'd' && !gzipped {
			continue // zstd is not in Go's library
		}
		fmt.Println("==", filepath.Base(file))
		if data[0] == 'g' || data[0] == 'd' {
			stream, err = gzip.NewReader(stream)
		}
		if err == nil {
			err = list(stream)
		}
		if err == nil {
			_, err = io.Copy(io.Discard, stream)
		}
		if err != nil {
			fmt.Println("error")
		}
	}
}

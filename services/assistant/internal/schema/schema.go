// Package schema is the assistant's database: one set of migrations for everything that the service keeps. Each concept has its own
// file and its own package that reads and writes its tables (knowledge, answers, inquiry).
package schema

import (
	"embed"
	"io/fs"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations are the files in order.
func Migrations() fs.FS { return files }

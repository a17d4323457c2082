//go:build !linux

package main

import "syscall"

// dieWithUs is for Linux only.
func dieWithUs() *syscall.SysProcAttr { return nil }

package main

import "syscall"

// dieWithUs: a benchmark that is killed leaves no servers behind.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// Linked into the programs of the coverage build alone: counters are written at exit(3), which
// processes that end by _exit(2), and device processes, which vnpud kills, never reach.
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void __gcov_dump(void);
_Noreturn void __real__exit(int code);
// There in vnpud alone, which is linked with --wrap=kill.
__attribute__((weak)) int __real_kill(pid_t pid, int number);

static atomic_bool dumped;
// A plug-in has counters and handler of its own; the program's comes after it.
static void (*next_handler)(int);
// The self-test of firmware runs in the sandbox, where no file can be written.
static bool silent;

static int DumpSignal(void) { return SIGRTMAX - 1; }

static void Dump(void) {
  if (!silent && !atomic_exchange(&dumped, true)) {
    __gcov_dump();
  }
}

_Noreturn void __wrap__exit(int code);
_Noreturn void __wrap__exit(int code) {
  Dump();
  __real__exit(code);
}

_Noreturn void __wrap__Exit(int code);
_Noreturn void __wrap__Exit(int code) { __wrap__exit(code); }

// A copy of the process writes, so that its memory is given back as fast as after SIGKILL.
static void DumpAndEnd(int number) {
  if (_Fork() == 0) {
    alarm(10);
    close_range(STDERR_FILENO + 1, ~0u, 0);
    Dump();
    if (next_handler != SIG_DFL) {
      next_handler(number);
    }
  }
  __real__exit(0);
}

__attribute__((constructor)) static void Prepare(int argc, char** argv) {
  // A library that is loaded late finds fewer arguments than there were, if the program took some.
  silent = argc > 1 && argv[1] != NULL && strcmp(argv[1], "--self-test") == 0;
  if (!silent && argc > 0 && strcmp(argv[0], "vnpu-device") == 0) {
    struct sigaction action = {.sa_handler = DumpAndEnd};
    struct sigaction before = {0};
    sigaction(DumpSignal(), &action, &before);
    next_handler = before.sa_handler;
  }
}

// vnpud's kill: gives the victim, a child, a moment to see to its counters.
int __wrap_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number) {
  if (number == SIGKILL && __real_kill(pid, DumpSignal()) == 0) {
    for (int tick = 0; tick < 200; ++tick) {
      siginfo_t ended = {0};
      if (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid != 0) {
        break;
      }
      nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
    }
  }
  return __real_kill(pid, number);
}

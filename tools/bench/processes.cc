#include "tools/bench/processes.h"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace vnpu::bench {
namespace {

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  // A process may end while its file is read: unlike an iterator, << does not throw then.
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

std::string ProcPath(pid_t pid, const char* file) {
  return "/proc/" + std::to_string(pid) + "/" + file;
}

// Parents of all processes.
std::map<pid_t, pid_t> ParentsOfAll() {
  std::map<pid_t, pid_t> parents;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc()) continue;
    // pid (name) state parent: the name may have parentheses and blanks itself.
    const std::string stat = ReadWhole(ProcPath(pid, "stat"));
    const size_t close = stat.rfind(')');
    if (close == std::string::npos) continue;
    char state = 0;
    pid_t parent = 0;
    if (std::istringstream(stat.substr(close + 1)) >> state >> parent) parents[pid] = parent;
  }
  return parents;
}

bool DescendsFrom(const std::map<pid_t, pid_t>& parents, pid_t pid, pid_t ancestor) {
  for (auto at = parents.find(pid); at != parents.end(); at = parents.find(at->second)) {
    if (at->second == ancestor) return true;
  }
  return false;
}

// Processes that this one holds a pidfd of: its embedded driver is among them.
std::vector<pid_t> HeldPids() {
  std::vector<pid_t> pids;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fdinfo", error)) {
    std::ifstream info(entry.path());
    pid_t pid = 0;
    for (std::string field; info >> field;) {
      if (field == "Pid:" && info >> pid) pids.push_back(pid);
    }
  }
  return pids;
}

// Whether a vnpud serves the folder of nodes that this process uses.
bool ServesNode(pid_t pid) {
  const char* folder = std::getenv("VNPU_DEV_DIR");
  const std::string wanted = folder != nullptr && *folder != '\0' ? folder : "/dev/vnpu";
  const std::string words = ReadWhole(ProcPath(pid, "cmdline"));
  if (words.find("--embedded") != std::string::npos) return false;
  if (words.find(wanted) != std::string::npos) return true;
  return wanted == "/dev/vnpu" && words.find("--mount-point") == std::string::npos;
}

uint64_t FieldInBytes(const std::string& text, const std::string& field) {
  const size_t at = text.find(field);
  if (at == std::string::npos) return 0;
  return std::strtoull(text.c_str() + at + field.size(), nullptr, 10) * 1024;
}

struct Pipe {
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe: out of descriptors");
  }
  ~Pipe() {
    for (const int end : ends) {
      if (end >= 0) close(end);
    }
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void CloseWriteEnd() {
    close(ends[1]);
    ends[1] = -1;
  }
  int ends[2];
};

struct CloseFile {
  void operator()(FILE* file) const { fclose(file); }
};
using File = std::unique_ptr<FILE, CloseFile>;

std::string ReadToEnd(int fd) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got > 0) text.append(buffer, static_cast<size_t>(got));
    if (got == 0 || (got < 0 && errno != EINTR)) return text;
  }
}

// The last line that one of our programs has written of itself, else the last of all: the driver
// and the device have the same standard error.
std::string LastMessage(FILE* file) {
  rewind(file);
  std::string last;
  bool own = false;
  char line[1024];
  while (fgets(line, sizeof(line), file) != nullptr) {
    const std::string text(line, strcspn(line, "\n"));
    const bool mine = text.starts_with("vnpu-bench");
    if (text.empty() || (own && !mine)) continue;
    last = text;
    own = mine;
  }
  const size_t colon = own ? last.find(": ") : std::string::npos;
  return colon == std::string::npos ? last : last.substr(colon + 2);
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

pid_t Spawn(std::vector<std::string> command, std::vector<std::string> environment, int out,
            int err) {
  for (char** variable = environ; *variable != nullptr; ++variable) {
    environment.emplace_back(*variable);  // the first of two with one name counts
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, command[0].c_str(), &actions, nullptr,
                                 Pointers(command).data(), Pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(command[0] + ": " + std::strerror(error));
  return pid;
}

void SetAffinity(const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(static_cast<size_t>(cpu), &set);
  sched_setaffinity(0, sizeof(set), &set);
}

}  // namespace

std::string ProcessName(pid_t pid) {
  std::error_code error;
  std::string name = std::filesystem::read_symlink(ProcPath(pid, "exe"), error).filename();
  if (error) name = ReadWhole(ProcPath(pid, "comm"));
  name = name.substr(0, name.find(' '));  // " (deleted)", after an update
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return name;
}

std::vector<pid_t> DevicePids() {
  const std::map<pid_t, pid_t> parents = ParentsOfAll();
  std::vector<pid_t> roots;
  for (const pid_t pid : HeldPids()) {
    if (ProcessName(pid) == "vnpud") roots.push_back(pid);
  }
  if (roots.empty()) {
    for (const auto& [pid, parent] : parents) {
      if (ProcessName(pid) == "vnpud" && ServesNode(pid)) roots.push_back(pid);
    }
  }
  std::vector<pid_t> pids = roots;
  for (const auto& [pid, parent] : parents) {
    for (const pid_t root : roots) {
      if (DescendsFrom(parents, pid, root) && ProcessName(pid) == "vnpu-device") {
        pids.push_back(pid);
      }
    }
  }
  return pids;
}

uint64_t CpuTimeNs(pid_t pid) {
  clockid_t clock = 0;
  timespec time{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

ProcessMemory MemoryOf(pid_t pid) {
  const std::string rollup = ReadWhole(ProcPath(pid, "smaps_rollup"));
  if (!rollup.empty()) return {FieldInBytes(rollup, "Rss:"), FieldInBytes(rollup, "Pss:")};
  return {FieldInBytes(ReadWhole(ProcPath(pid, "status")), "VmRSS:"), 0};
}

std::string RunProgram(const std::vector<std::string>& command,
                       const std::vector<std::string>& environment) {
  Pipe out;
  const File err(tmpfile());
  if (err == nullptr) throw std::runtime_error("no temporary file can be made");
  const pid_t pid = Spawn(command, environment, out.ends[1], fileno(err.get()));
  out.CloseWriteEnd();
  std::string text = ReadToEnd(out.ends[0]);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return text;
  const std::string message = LastMessage(err.get());
  if (!message.empty()) throw std::runtime_error(message);
  throw std::runtime_error(
      command[0] + (WIFSIGNALED(status) ? " was ended by signal " + std::to_string(WTERMSIG(status))
                                        : " failed without a message"));
}

ForkedProcess::ForkedProcess(const std::function<void()>& body) {
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  body();
  _exit(0);
}

ForkedProcess::~ForkedProcess() {
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

SharedPages::SharedPages(size_t size)
    : size_(size),
      memory_(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE,
                   -1, 0)) {
  if (memory_ == MAP_FAILED) throw std::runtime_error("mmap: out of memory");
}

SharedPages::~SharedPages() { munmap(memory_, size_); }

std::vector<int> AllowedCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<size_t>(cpu), &set)) cpus.push_back(cpu);
  }
  return cpus;
}

std::vector<int> TwoCores() {
  const std::vector<int> cpus = AllowedCpus();
  const auto siblings = [](int cpu) {
    return ReadWhole("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                     "/topology/thread_siblings");
  };
  for (size_t i = 1; i < cpus.size(); ++i) {
    const std::string others = siblings(cpus[i]);
    if (others.empty() || others != siblings(cpus[0])) return {cpus[0], cpus[i]};
  }
  throw std::runtime_error("needs two cores, and this process may use only one");
}

PinnedThread::PinnedThread(int cpu) : before_(AllowedCpus()) { SetAffinity({cpu}); }

PinnedThread::~PinnedThread() { SetAffinity(before_); }

}  // namespace vnpu::bench

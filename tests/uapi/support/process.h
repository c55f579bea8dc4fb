// Test code in a process of its own.
#ifndef VNPU_TESTS_UAPI_SUPPORT_PROCESS_H_
#define VNPU_TESTS_UAPI_SUPPORT_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>

namespace vnpu::raw {

// A forked process that runs `body` and ends with its answer as the exit status; 99 after an
// exception, which it prints. Killed, if it still runs, with the object and with its parent.
class Child {
 public:
  Child() = default;
  explicit Child(const std::function<int()>& body);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  pid_t pid() const { return pid_; }
  bool Running() const;
  // SIGKILL, without waiting for the end.
  void Kill() const;
  // The exit status, or minus the signal that ended it. Waits for the end, a minute at most (then
  // it is killed).
  int Wait();

 private:
  pid_t pid_ = -1;
};

// True while a process of that number and name runs; one that has ended and waits for its parent
// does not run.
bool Runs(pid_t pid, const std::string& name);

// Lets the calling process be nobody, without any capability.
void BecomeNobody();

// Pairs of wanted and actual answers: the number of the first pair that differs, counted from 1,
// and a line about it on stderr; 0 when all agree. For the exit status of a process.
int FirstWrong(std::initializer_list<std::pair<int64_t, int64_t>> answers);

// A pipe on which one process tells another that something has happened.
class Notice {
 public:
  Notice();
  ~Notice();
  Notice(const Notice&) = delete;
  Notice& operator=(const Notice&) = delete;
  void Give() const;
  // False when it has not come yet.
  bool Given() const { return Await(0); }
  // False when it does not come within kPatience.
  bool Wait() const;

 private:
  bool Await(int milliseconds) const;

  int ends_[2];
};

}  // namespace vnpu::raw

#endif  // VNPU_TESTS_UAPI_SUPPORT_PROCESS_H_

#include "tests/model/journal.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <mutex>

#include "acl/acl_rt.h"

namespace vnpu::model {

void Journal::Dump() const {
  const uint64_t end = notes();
  const uint64_t begin = end > entries_.size() ? end - entries_.size() : 0;
  std::fprintf(stderr, "thread %u, step %llu, its last calls:\n", thread_,
               static_cast<unsigned long long>(steps()));
  for (uint64_t i = begin; i < end; ++i) {
    const Entry& entry = entries_[i % entries_.size()];
    const char* text = entry.text.load(std::memory_order_relaxed);
    std::fprintf(stderr, "  %8llu %s\n",
                 static_cast<unsigned long long>(entry.step.load(std::memory_order_relaxed)),
                 text != nullptr ? text : "");
  }
}

void Journal::Fail(const std::string& what) const {
  static std::mutex mutex;
  mutex.lock();  // for good: the first difference ends the process
  Dump();
  std::fprintf(stderr,
               "DIFFERENCE in thread %u, step %llu: %s\n"
               "seed %llu; run it again with --seed %llu and the same number of threads\n",
               thread_, static_cast<unsigned long long>(steps()), what.c_str(),
               static_cast<unsigned long long>(seed_), static_cast<unsigned long long>(seed_));
  std::fflush(nullptr);
  _exit(1);
}

aclError Check(Journal& journal, const char* call, std::initializer_list<aclError> wanted,
               aclError code) {
  if (std::find(wanted.begin(), wanted.end(), code) != wanted.end()) [[likely]] {
    return code;
  }
  std::string text = std::string(call) + "\n  wanted";
  for (const aclError each : wanted) {
    text += " " + std::to_string(each);
  }
  const char* message = aclGetRecentErrMsg();
  const std::string all = message != nullptr ? message : "";
  text += ", was " + std::to_string(code) + ": " + all.substr(0, all.find('\n'));
  journal.Fail(text);
}

}  // namespace vnpu::model

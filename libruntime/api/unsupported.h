#ifndef VNPU_LIBRUNTIME_API_UNSUPPORTED_H_
#define VNPU_LIBRUNTIME_API_UNSUPPORTED_H_

namespace vnpu::runtime {

// Logs one line that `function`, a string with static lifetime, is not supported, and remembers it
// as the calling thread's last error. Called by the weak definition of each acl function that
// nothing else defines. Any thread; does not throw.
void ReportUnsupported(const char* function);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_API_UNSUPPORTED_H_

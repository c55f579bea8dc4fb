// What the programs of the tour share: checks that end the program with a clear line.
#ifndef EXAMPLES_TOUR_CHECK_H_
#define EXAMPLES_TOUR_CHECK_H_

#include <cstdio>
#include <cstdlib>

#include "acl/acl.h"

// Every acl function returns an aclError, 0 for success. This ends the program on any other.
#define CHECK_ACL(call) tour::CheckAcl((call), #call, __FILE__, __LINE__)

// Ends the program unless the condition holds.
#define CHECK_TRUE(condition) tour::CheckTrue((condition), #condition, __FILE__, __LINE__)

namespace tour {

inline void CheckAcl(aclError code, const char* call, const char* file, int line) {
  if (code == ACL_SUCCESS) return;
  const char* detail = aclGetRecentErrMsg();
  std::fprintf(stderr, "%s:%d: %s returned error %d. %s\n", file, line, call, code,
               detail != nullptr ? detail : "");
  std::exit(EXIT_FAILURE);
}

inline void CheckTrue(bool condition, const char* text, const char* file, int line) {
  if (condition) return;
  std::fprintf(stderr, "%s:%d: wrong result, this does not hold: %s\n", file, line, text);
  std::exit(EXIT_FAILURE);
}

}  // namespace tour

#endif  // EXAMPLES_TOUR_CHECK_H_

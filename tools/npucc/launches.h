#ifndef TOOLS_NPUCC_LAUNCHES_H_
#define TOOLS_NPUCC_LAUNCHES_H_

#include <string>
#include <string_view>
#include <vector>

#include "tools/npucc/diagnostics.h"

namespace vnpu::npucc {

struct RewrittenSource {
  std::string text;
  bool has_launches = false;
  std::vector<Diagnostic> errors;  // launches that cannot be rewritten
};

// Turns every launch `k<<<dim, l2ctrl, stream>>>(args)` of a source into plain C++,
// `::npu::Launch<k>(dim, l2ctrl, stream)(args)`. Everything else stays, and #line directives keep
// the line of every token and, where a directive may stand, its column. `file` is the name that
// diagnostics use.
RewrittenSource RewriteLaunches(std::string_view source, const std::string& file);

}  // namespace vnpu::npucc

#endif  // TOOLS_NPUCC_LAUNCHES_H_

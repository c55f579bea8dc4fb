// Pictures of models.
#ifndef VNPU_TOOLS_VNPU_CTL_GRAPH_H_
#define VNPU_TOOLS_VNPU_CTL_GRAPH_H_

#include <string>

namespace vnpu::tools {

// Draws what aclmdlRIDebugJsonPrint wrote to `input` as SVG, by graphviz's dot, to `output`; empty:
// standard output. False after a complaint.
bool DrawGraph(const std::string& input, const std::string& output);

}  // namespace vnpu::tools

#endif  // VNPU_TOOLS_VNPU_CTL_GRAPH_H_

#include "tools/npucc/depfile.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <utility>

namespace vnpu::npucc {
namespace {

std::string Escape(std::string_view path) {
  std::string escaped;
  for (const char c : path) {
    if (c == ' ' || c == '#') escaped += '\\';
    if (c == '$') escaped += '$';
    escaped += c;
  }
  return escaped;
}

}  // namespace

std::vector<std::string> Prerequisites(std::string_view rule) {
  std::vector<std::string> words;
  std::string word;
  bool target = true;
  const auto flush = [&] {
    if (!word.empty() && !target) words.push_back(word);
    // The first word that ends with a colon ends the targets; phony rules begin again on a new
    // line.
    if (word.ends_with(':')) target = false;
    word.clear();
  };
  for (std::size_t i = 0; i < rule.size(); ++i) {
    const char c = rule[i];
    if (c == '\\' && i + 1 < rule.size() && rule[i + 1] == '\n') {
      flush();
      ++i;
    } else if (c == '\\' && i + 1 < rule.size()) {
      word.append({c, rule[++i]});
    } else if (c == '\n') {
      flush();
      target = true;
    } else if (c == ' ' || c == '\t') {
      flush();
    } else {
      word += c;
    }
  }
  flush();
  return words;
}

std::string MergeRules(const DependencyOptions& options, const std::vector<std::string>& rules,
                       const std::string& source, const std::string& output,
                       const std::string& work) {
  std::vector<std::string> files = {Escape(source)};
  for (const std::string& rule : rules) {
    for (std::string& file : Prerequisites(rule)) {
      if (file.starts_with(Escape(work)) || std::ranges::find(files, file) != files.end()) continue;
      files.push_back(std::move(file));
    }
  }
  std::string text;
  for (const std::string& target : options.targets) text += (text.empty() ? "" : " ") + target;
  if (text.empty()) text = Escape(output);
  text += ":";
  for (const std::string& file : files) text += " \\\n " + file;
  text += "\n";
  if (options.phony) {
    for (std::size_t i = 1; i < files.size(); ++i) text += "\n" + files[i] + ":\n";
  }
  return text;
}

std::string DependencyFile(const DependencyOptions& options, const std::string& output) {
  if (!options.file.empty()) return options.file;
  return std::filesystem::path(output).replace_extension(".d").string();
}

}  // namespace vnpu::npucc

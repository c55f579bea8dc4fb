// The same network on the host, to check the device against.
#ifndef EXAMPLES_DIGITS_REFERENCE_H_
#define EXAMPLES_DIGITS_REFERENCE_H_

#include <vector>

#include "examples/digits/answer.h"
#include "examples/digits/dataset.h"
#include "examples/digits/network.h"

namespace digits {

// Answers for every image, in their order, calculated in double precision.
std::vector<Answer> ClassifyOnHost(const Network& network, const Dataset& dataset);

}  // namespace digits

#endif  // EXAMPLES_DIGITS_REFERENCE_H_

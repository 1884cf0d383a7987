// A fuzz target: one decoder, driven by any bytes. Each NAME.cc of this folder defines both
// functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// Small valid inputs to start from, made by the encoders: they follow the format.
std::vector<std::string> seeds();

/// Decodes; a CHECK fails if what was decoded breaks a promise. Always 0.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);

// Lexer: the words, names, literals and signs of a query text.
//
//   word    a letter, '_' or a byte above 127, then those, digits and '.'; a keyword or a name
//   name    "…"   a double quote inside is written twice
//   text    '…'   a single quote inside is written twice
//   number  [+-] digits, '.', exponent
//   sign    ( ) , * : = != <> < <= > >=
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/result.h"

namespace sluice::query {

struct Token {
  enum class Kind : uint8_t { kEnd, kWord, kName, kText, kNumber, kSign, kBroken };
  Kind kind = Kind::kEnd;
  std::string text;   ///< without quotes
  size_t offset = 0;  ///< of its first byte
  size_t end = 0;     ///< behind its last byte
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) { advance(); }

  const Token& token() const { return token_; }
  void advance();
  bool at_end() const { return token_.kind == Token::Kind::kEnd; }
  bool at_sign(std::string_view sign) const;
  /// Keywords are not sensitive to case.
  bool at_keyword(std::string_view lower_case) const;
  /// Steps over the token if it is this one.
  bool take_sign(std::string_view sign);
  bool take_keyword(std::string_view lower_case);
  /// kInvalid at the token: "expected …, found …"; found() is the offset.
  Error expected(std::string_view what) const;

 private:
  void scan_quoted(Token::Kind kind);
  void scan_while(Token::Kind kind, bool (*belongs)(std::string_view text, size_t at));
  void scan_sign();

  std::string_view text_;
  Token token_;
};

}  // namespace sluice::query

#include "query/lexer.h"

#include <algorithm>

namespace sluice::query {

namespace {

constexpr size_t kExcerptBytesMax = 40;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) > 127;
}
bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool begins_number(std::string_view text) {
  const size_t at = text[0] == '+' || text[0] == '-' ? 1 : 0;
  if (at < text.size() && is_digit(text[at])) return true;
  return at + 1 < text.size() && text[at] == '.' && is_digit(text[at + 1]);
}

// Letters too, so that `1x` is one wrong number and not a number and a name.
bool in_number(std::string_view text, size_t at) {
  const char c = text[at];
  if (c == '+' || c == '-') return at == 0 || text[at - 1] == 'e' || text[at - 1] == 'E';
  return is_digit(c) || is_letter(c) || c == '.';
}

bool in_word(std::string_view text, size_t at) {
  return is_letter(text[at]) || is_digit(text[at]) || text[at] == '.';
}

}  // namespace

void Lexer::advance() {
  size_t at = token_.end;
  while (at < text_.size() && is_blank(text_[at])) ++at;
  token_ = {Token::Kind::kEnd, {}, at, at};
  if (at == text_.size()) return;
  if (text_[at] == '\'') return scan_quoted(Token::Kind::kText);
  if (text_[at] == '"') return scan_quoted(Token::Kind::kName);
  if (begins_number(text_.substr(at))) return scan_while(Token::Kind::kNumber, in_number);
  if (is_letter(text_[at])) return scan_while(Token::Kind::kWord, in_word);
  scan_sign();
}

void Lexer::scan_quoted(Token::Kind kind) {
  const char quote = text_[token_.offset];
  for (size_t at = token_.offset + 1; at < text_.size(); ++at) {
    if (text_[at] == quote) {
      if (at + 1 == text_.size() || text_[at + 1] != quote) {
        token_.kind = kind;
        token_.end = at + 1;
        return;
      }
      ++at;
    }
    token_.text += text_[at];
  }
  token_.kind = Token::Kind::kBroken;
  token_.text = "a quote that is not closed";
  token_.end = text_.size();
}

void Lexer::scan_while(Token::Kind kind, bool (*belongs)(std::string_view text, size_t at)) {
  const std::string_view rest = text_.substr(token_.offset);
  size_t size = 0;
  while (size < rest.size() && belongs(rest, size)) ++size;
  token_.kind = kind;
  token_.text = rest.substr(0, size);
  token_.end = token_.offset + size;
}

void Lexer::scan_sign() {
  const std::string_view rest = text_.substr(token_.offset);
  for (const std::string_view sign :
       {"<=", ">=", "<>", "!=", "<", ">", "=", "(", ")", ",", "*", ":"}) {
    if (!rest.starts_with(sign)) continue;
    token_.kind = Token::Kind::kSign;
    token_.text = sign;
    token_.end = token_.offset + sign.size();
    return;
  }
  token_.kind = Token::Kind::kBroken;
  token_.text = "a character that means nothing here";
  token_.end = text_.size();
}

bool Lexer::at_sign(std::string_view sign) const {
  return token_.kind == Token::Kind::kSign && token_.text == sign;
}

bool Lexer::at_keyword(std::string_view lower_case) const {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
  return token_.kind == Token::Kind::kWord &&
         std::equal(token_.text.begin(), token_.text.end(), lower_case.begin(), lower_case.end(),
                    same);
}

bool Lexer::take_sign(std::string_view sign) {
  const bool taken = at_sign(sign);
  if (taken) advance();
  return taken;
}

bool Lexer::take_keyword(std::string_view lower_case) {
  const bool taken = at_keyword(lower_case);
  if (taken) advance();
  return taken;
}

Error Lexer::expected(std::string_view what) const {
  std::string found = "the end";
  if (token_.kind == Token::Kind::kBroken) {
    found = token_.text;
  } else if (!at_end()) {
    const size_t size = std::min(token_.end - token_.offset, kExcerptBytesMax);
    found = "`" + std::string(text_.substr(token_.offset, size)) + "`";
  }
  return Error({Code::kInvalid, Reason::kDecodeFailure,
                "expected " + std::string(what) + ", found " + found,
                "offset " + std::to_string(token_.offset), 0, token_.offset});
}

}  // namespace sluice::query

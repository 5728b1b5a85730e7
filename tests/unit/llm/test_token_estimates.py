"""Token estimates: held against the counts of real tokenizers."""

from __future__ import annotations

import json
import time

import pytest

from ba2_trade_platform.llm.windows.estimates import MARGIN, tokens_of

BAR = {"session": "2014-06-02", "open": 90.5657, "high": 90.69, "low": 88.9285, "close": 89.8071, "volume": 92337903}
# A text, and the fewest and the most tokens that one of GPT-4's, GPT-4o's, Claude 2's, DeepSeek's, Qwen's and Llama 2's
# tokenizers finds in it.
COUNTED = {
    "news": (
        "Microsoft wins a large order from the Pentagon; analysts at Goldman Sachs raise their price target to $455"
        " from $420, citing momentum in cloud computing.", 29, 40,
    ),
    "chinese": (
        "苹果公司周三公布季度财报,营收同比增长百分之八,超出分析师预期,股价盘前上涨三个百分点。市场人士认为,"
        "中国市场的复苏以及服务业务的增长是主要原因。"
        "公司预计下一季度毛利率将维持在百分之四十五左右,并宣布新的股票回购计划。", 56, 159,
    ),
    "japanese": (
        "トヨタ自動車は四半期決算を発表し、営業利益は前年同期比で二割増加した。円安と北米市場での販売好調が寄与した。"
        "株価は取引開始後に上昇した。", 57, 94,
    ),
    "russian": (
        "Сбербанк отчитался о рекордной квартальной прибыли, превысив ожидания аналитиков благодаря росту процентных"  # noqa: RUF001 - Russian
        " доходов и снижению расходов на резервы.", 36, 76,
    ),
    "german": (
        "Die Deutsche Bank meldete im dritten Quartal einen überraschend hohen Gewinn; die Handelserträge übertrafen"
        " die Erwartungen der Analysten deutlich, während die Risikovorsorge zurückging.", 37, 54,
    ),
    "emoji": ("🚀🔥😂💎🙌 to the moon! ", 10, 25),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTED)
def test_every_tokenizer_counts_between_the_least_and_the_most(name: str) -> None:
    text, fewest, most = COUNTED[name]
    estimate = tokens_of(text * 10)
    assert estimate.least <= 10 * fewest <= 10 * most <= estimate.most
    assert estimate.least <= estimate.likely <= estimate.most


def test_prices_as_json_have_far_more_tokens_than_a_quarter_of_their_characters() -> None:
    text = json.dumps([BAR] * 60, indent=1)
    estimate = tokens_of(text)
    assert estimate.likely > 1.5 * len(text) / 4
    assert estimate.most > 2.2 * len(text) / 4


def test_an_estimate_that_is_a_fifth_too_low_still_fits() -> None:
    assert all(tokens_of(text).most >= MARGIN * tokens_of(text).likely - 1 for text, _, _ in COUNTED.values())


@pytest.mark.parametrize(
    "text", [" " * 300_000 + "x", " \n" * 150_000, "x" * 300_000, "\u0e01" * 300_000, "#" * 300_000]
)
def test_a_text_made_to_be_slow_to_count_is_not(text: str) -> None:
    begun = time.process_time()
    tokens_of(text)
    assert time.process_time() - begun < 2

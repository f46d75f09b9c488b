import re,sys
from etude.linter import RULES, lint
bad=0
for r in RULES.values():
    blocks=re.findall(r"```python\n(.*?)```", r.page, flags=re.S)
    assert len(blocks)==2, r.code
    w=[x.code for x in lint(blocks[0])]; g=[(x.code,x.level) for x in lint(blocks[1])]
    flag = '' if r.code in w and set(w)=={r.code} and not g else '   <<<<<'
    print(r.code, w, g, flag)
    for x in lint(blocks[0]): print('    ', x.level, x.place.line, x.message, '|', x.remedy)

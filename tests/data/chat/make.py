#!/usr/bin/env python3
"""Writes cases.jsonl: what jinja2, in the environment of transformers, makes of short templates in
the manner of common models, of statements and of expressions. Run by hand with jinja2 3.1:
    python3 make.py > cases.jsonl
The first line holds the sets of variables; then one template a line with its runs: the index of the
variables and the text; null says that jinja2 refuses it."""
import json

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

# The rules of the models' own templates, written anew and shortened.
CHAT = {
"chatml": """{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}""",
"llama3": """{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" }}
{%- if tools is not none %}
    {{- "You have access to the following functions.\\n\\n" }}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("This model only supports single tool-calls at once!") }}
        {%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {{- '{"name": "' + tool_call.name + '", ' }}
        {{- '"parameters": ' }}
        {{- tool_call.arguments | tojson }}
        {{- "}" }}
        {{- "<|eot_id|>" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable and message.content is not string %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
""",
"qwen2.5": """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0]['role'] == 'system' %}
        {{- messages[0]['content'] }}
    {%- else %}
        {{- 'You are a helpful assistant.' }}
    {%- endif %}
    {{- "\\n\\n# Tools\\n\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- if message.content %}
            {{- '\\n' + message.content }}
        {%- endif %}
        {%- for tool_call in message.tool_calls %}
            {%- if tool_call.function is defined %}
                {%- set tool_call = tool_call.function %}
            {%- endif %}
            {{- '\\n<tool_call>\\n{"name": "' }}
            {{- tool_call.name }}
            {{- '", "arguments": ' }}
            {{- tool_call.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}
        {{- message.content }}
        {{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
""",
"qwen3": """{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if '</think>' in content %}
            {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index and (loop.last or (not loop.last and reasoning_content)) %}
            {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}""",
"mistral": """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if message["role"] in ["user", "assistant"] and not (message.tool_calls is defined and message.tool_calls is not none) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("After the optional system message, conversation roles must alternate user/assistant/user/assistant/...") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- elif message["role"] in ["tool_results", "tool"] %}
        {%- if message.content is defined and message.content.content is defined %}
            {%- set content = message.content.content %}
        {%- else %}
            {%- set content = message.content %}
        {%- endif %}
        {{- '[TOOL_RESULTS] {"content": ' + content|string + "}[/TOOL_RESULTS]" }}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported, with the exception of an initial optional system message!") }}
    {%- endif %}
{%- endfor %}
""",
"gemma": """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\\n'}}{% endif %}""",
"gemma3": """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '\\n\\n' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '\\n\\n' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '\\n' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}
                {{ '<start_of_image>' }}
            {%- elif item['type'] == 'text' -%}
                {{ item['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model\\n'}}
{%- endif -%}
""",
"phi3": """{% for message in messages %}{% if message['role'] == 'system' and message['content'] %}{{'<|system|>\\n' + message['content'] + '<|end|>\\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\\n' + message['content'] + '<|end|>\\n'}}{% elif message['role'] == 'assistant' %}{{'<|assistant|>\\n' + message['content'] + '<|end|>\\n'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}""",
"zephyr": """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\\n'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}""",
"deepseek": """{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='', is_first_sp=true) %}{%- for message in messages %}{%- if message['role'] == 'system' %}{%- if ns.is_first_sp %}{% set ns.system_prompt = ns.system_prompt + message['content'] %}{% set ns.is_first_sp = false %}{%- else %}{% set ns.system_prompt = ns.system_prompt + '\\n\\n' + message['content'] %}{%- endif %}{%- endif %}{%- endfor %}{{ bos_token }}{{ ns.system_prompt }}{%- for message in messages %}{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}{{'<|User|>' + message['content']}}{%- endif %}{%- if message['role'] == 'assistant' and 'tool_calls' in message %}{%- set ns.is_tool = false -%}{%- for tool in message['tool_calls'] %}{%- if not ns.is_first %}{{'<|tool_calls_begin|>' + tool['type'] + '<|tool_sep|>' + tool['function']['name'] + '\\n' + '```json' + '\\n' + tool['function']['arguments']|tojson + '\\n' + '```'}}{%- set ns.is_first = true -%}{%- else %}{{'\\n' + tool['type']}}{%- endif %}{%- endfor %}{%- endif %}{%- if message['role'] == 'assistant' and 'tool_calls' not in message %}{%- if ns.is_tool %}{{'<|tool_outputs_end|>' + message['content'] + '<|end_of_sentence|>'}}{%- set ns.is_tool = false -%}{%- else %}{% set content = message['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{'<|Assistant|>' + content + '<|end_of_sentence|>'}}{%- endif %}{%- endif %}{%- if message['role'] == 'tool' %}{%- set ns.is_tool = true -%}{%- if ns.is_output_first %}{{'<|tool_outputs_begin|>' + message['content']}}{%- set ns.is_output_first = false %}{%- else %}{{'\\n' + message['content']}}{%- endif %}{%- endif %}{%- endfor -%}{% if ns.is_tool %}{{'<|tool_outputs_end|>'}}{% endif %}{% if add_generation_prompt and not ns.is_tool %}{{'<|Assistant|>'}}{% endif %}""",
"llama2": """{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}""",
"macros": """{%- macro render(value, indent=0) -%}
  {%- if value is mapping -%}
    {%- for k, v in value.items() %}{{ ' ' * indent }}{{ k }}:{{ render(v, indent=indent + 2) }};{% endfor -%}
  {%- elif value is iterable and value is not string -%}
    [{% for v in value %}{{ render(v) }}{{ ", " if not loop.last }}{% endfor %}]
  {%- else -%}{{ value }}{%- endif -%}
{%- endmacro -%}
{% for message in messages %}{{ render(message, 1) }}|{% endfor %}{{ tools | map(attribute='function.name') | join(',') if tools }}""",
}
TOOL = {"type": "function", "function": {"name": "weather", "description": "It's <b>\"now\"</b> é",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 3}}, "required": ["city"]}}}
CALL = {"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "weather", "arguments": {"city": "Zürich", "days": 1, "x": 1.5, "y": None, "z": [True, False]}}}]}
TALKS = [
    [{"role": "user", "content": "Hi there"}],
    [{"role": "system", "content": " Be brief.\n"}, {"role": "user", "content": " 2+2? "}],
    [{"role": "user", "content": "a"}, {"role": "assistant", "content": " b\n"}, {"role": "user", "content": "ü 😀"}],
    [{"role": "system", "content": "S"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nok"}, {"role": "user", "content": "r"}],
    [{"role": "user", "content": "u"}, {"role": "user", "content": "v"}],
    [{"role": "user", "content": "weather?"}, CALL, {"role": "tool", "content": "rain"}, {"role": "tool", "content": "snow"}],
    [{"role": "user", "content": [{"type": "text", "text": " look "}, {"type": "image"}]}],
    [{"role": "assistant", "content": "x"}],
    [],
]
VARS = {"a": 1, "b": 2.5, "s": "Hello Wörld", "l": [3, 1, 2], "d": {"x": 1, "y": "z", "items": "odd"},
        "n": None, "t": True, "e": "", "el": [], "q": "it's", "z": "a,b,,c", "big": 12345678901234, "neg": -7,
        "m": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": " yo "}]}
EXPRESSIONS = [
    'a+1',
    'a-b',
    'a*3',
    '7//2',
    '-7//2',
    '7%3',
    '-7%3',
    '7/2',
    '2**10',
    '2**-1',
    's~a~b',
    '"a" "b"',
    '1==1.0',
    '1<2<3',
    '1<2>3',
    'not a',
    'a and s|e or "x"',
    'n or el or 0',
    's[0]',
    's[-1]',
    's[1:3]',
    's[::-1]',
    'l[::-1]',
    'l[1:]',
    'l[:-1]',
    'l[5:]',
    'l[-2:]',
    'd.x',
    'd["y"]',
    'd.items()|list',
    'm[0].role',
    'm[-1]["content"]|trim',
    'm|length',
    's|upper',
    's.upper()',
    's.lower()',
    's.title()',
    's.capitalize()',
    '"  x ".strip()',
    '"xxaxx".strip("x")',
    '"a b  c".split()',
    'z.split(",")',
    'z.split(",",1)',
    'z.split(",")[-1]',
    '"a-b-c".rsplit("-",1)',
    's.replace("l","L")',
    's.replace("l","L",1)',
    's|replace("o","0")',
    's.startswith("He")',
    's.endswith(("x","d"))',
    's.find("l")',
    's.count("l")',
    '",".join(["a","b"])',
    '["a","b"]|join("-")',
    'l|join',
    'l|sort',
    'l|sort(reverse=true)',
    'l|reverse|list',
    'l|first',
    'l|last',
    'l|max',
    'l|min',
    'l|sum',
    'l|map("string")|list',
    'm|map(attribute="role")|list',
    'm|selectattr("role","equalto","user")|list',
    'm|rejectattr("role","==","user")|list',
    'm|selectattr("content")|list|length',
    'l|select("odd")|list',
    'l|reject("odd")|list',
    '[1,[2,{"a":None}]]',
    '{"a":1,"b":[true,false]}',
    '(1,)',
    '(1,2)',
    'd',
    'q|tojson(d)',
    'd|tojson',
    'd|tojson(indent=2)',
    'm|tojson(indent=4)',
    '"é\\\\n\\\\t\\\\"<>&\'"|tojson',
    '1.0',
    '1e20',
    '1.5e-7',
    '0.1+0.2',
    '100000.0',
    '1e16',
    'big',
    'neg|abs',
    'b|round',
    'b|int',
    '"42"|int',
    '"x"|int',
    '"x"|int(5)',
    '"3.5"|float',
    'a|string',
    'a is defined',
    'zz is defined',
    'zz is undefined',
    'zz|default("dd")',
    'e|default("x",true)',
    'n is none',
    's is string',
    'a is number',
    'b is float',
    'a is integer',
    't is boolean',
    'd is mapping',
    'l is iterable',
    'l is sequence',
    't is true',
    'a is odd',
    'a is even',
    '4 is divisibleby 2',
    'a is eq 1',
    'a is not eq 1',
    '1 in l',
    '"W" in s',
    '"x" in d',
    '5 not in l',
    'zz',
    'a if t else b',
    'a if not t',
    '"yes" if a > 0 and not n else "no"',
    'range(3)|list',
    'range(1,10,3)|list',
    'namespace(x=1).x',
    'dict(a=1)',
    'raise_exception("boom")',
    's|length',
    'd|length',
    'd|list',
    'd.keys()|list',
    'd.values()|list',
    'd.get("x")',
    'd.get("w")',
    'd.get("w","def")',
    'd["items"]',
    'm|last|tojson',
    '"a\\\\nb"|indent',
    '"a\\\\nb"|indent(2,true)',
    'l|unique|list',
    'd|dictsort',
    '[]',
    '"%s"',
    '-a',
    '+a',
    '--a',
    'a.b.c',
    'l.count(1)',
    '"abc"[1]',
    '"abc"[10]',
    'l[10]',
    'true',
    'True',
    'none',
    'None',
    'false',
    '"x"*3',
    'l+[4]',
    '[1]+(2,)',
    '1+"a"',
    's.foo()',
    'a()',
    '"ab" < "b"',
    '1 < "a"',
    '"A"|lower',
    '" A "|trim|lower',
    '"abc"|title',
    '"hello world"|capitalize',
    's is lower',
    '"abc" is lower',
    'a is sameas 1',
    'zz|length',
    'zz|list',
    'zz|upper',
    '"a,b"|replace(",",";")|trim',
    'l is string',
    '"é" < "z"',
    '"x".isdigit()',
    '"12".isdigit()',
    '"aB1".isalnum()',
    '"ab".isalpha()',
    '" ".isspace()',
    '"a\\\\r\\\\nb\\\\n".splitlines()',
    '"prefix_x".removeprefix("prefix_")',
    '3|float',
    '"1"|int+1',
    '[1,2,3]|sum',
    'none|string',
    'true|string',
    '1',
    'e',
    '"<a>"',
    'e',
    '"abc"|first',
    '"abc"|last',
    '"abc"|reverse',
    '{"a":1}|first',
    'd|items|list',
    'l|list|tojson',
    'not not a',
    'a == 1 and b == 2.5',
    'a != 1 or false',
    '(a, b)[0]',
    '[a,b,][1]',
    'a ~ none ~ true',
    'm[0]',
    '"x" ~ m[0].content',
    'loop',
    '1_000',
    '5|round(1)',
    '2.567|round(2)',
    '2.5|round',
    '"a"|default',
    'a|default(3)',
    'n|default(3)',
    'n|default(3,true)',
    '"x" if zz else "y"',
    'm|map(attribute="zz",default="q")|list',
    'm|map("upper")|list',
    's[2:100]',
    's[-3:]',
    's[:0]',
    'l[::2]',
    'l[::-2]',
    '"abc".find("z")',
    'zz is none',
    'zz == none',
    'n == none',
    '"a" ~ zz',
    '1 // 0',
    '1 % 0',
    '[1,2] < [1,3]',
    'd.x.y',
    'd["q"]["r"]',
    '4 is divisibleby(2)',
    'a is in [1,2]',
    '"a" is in "abc"',
]
TEMPLATES = [
    '{% for x in l %}{{ loop.index }}{{ loop.first }}{{ loop.last }}{{ x }},{% endfor %}',
    '{% for x in el %}a{% else %}none{% endfor %}',
    '{% for k,v in d.items() %}{{k}}={{v}};{% endfor %}',
    '{% for x in l if x>1 %}{{loop.length}}{{x}}{% endfor %}',
    '{%- set x = 1 -%}\n  {{ x }}\n',
    '{% set ns = namespace(c=0) %}{% for x in l %}{% set ns.c = ns.c + x %}{% endfor %}{{ ns.c }}',
    '{% set y=0 %}{% for x in l %}{% set y = x %}{% endfor %}{{ y }}',
    '{% if a == 1 %}one{% elif a == 2 %}two{% else %}other{% endif %}',
    '  {% if t %}\n  line\n  {% endif %}\n  end\n',
    'a\n  {#- comment -#}\n b',
    'x {# c #}\ny',
    '{% macro f(x, y=2) %}{{x}}-{{y}}{% endmacro %}{{ f(1) }}{{ f(1,3) }}{{ f(y=5,x=4) }}',
    '{% raw %}{{ x }}{% endraw %}',
    '{% for x in l %}{% if x==1 %}{% continue %}{% endif %}{{x}}{% if x==2 %}{% break %}{% endif %}{% endfor %}',
    '{% set z %}abc{{a}}{% endset %}[{{z}}]',
    '{% set z | upper %}abc{% endset %}{{z}}',
    '{% filter upper %}abc{% endfilter %}',
    '{% with q=3, r=4 %}{{q+r}}{% endwith %}{{ q }}',
    '{% for m in m %}{{ m.role }}{% if not loop.last %}\n{% endif %}{% endfor %}',
    '{% call f() %}x{% endcall %}',
    '{% macro f(x) %}<{{ caller() }}>{% endmacro %}{% call f(1) %}in{% endcall %}',
    '{% macro f(x) %}<{{ caller(3) }}>{% endmacro %}{% call(y) f(1) %}in{{y}}{% endcall %}',
    '{% set a, b = 1, 2 %}{{a}}{{b}}',
    '{{- "x" -}}   y',
    '  {{- "x" }}\n\n{%- if t -%}  z {%- endif +%}\n w',
    '{%+ if t %}x{%+ endif %}',
    '  {%+ if t %}x{% endif %}',
    '{% generation %}foo{{a}}{% endgeneration %}',
    '{{ {"a": {"b": 1}} }}',
    '{{ {"a": {"b": 1}}.a.b }}',
    '{% for a in [1,2,3] %}{{ loop.cycle("x","y") }}{% endfor %}',
    '{% for a in [1,1,2] %}{{ loop.changed(a) }}{% endfor %}',
    '{% for a in "abc" %}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.revindex }}{% endfor %}',
    '{% for i in range(3) %}{% for j in range(2) %}{{ loop.depth }}{{ i }}{{ j }} {% endfor %}{% endfor %}',
    '{% include "x" %}',
    '{% for x in l %}{% endif %}',
    '{{ x',
    '{% if %}',
    '{{ l|nosuch }}',
    '{{ l is nosuch }}',
    'line1\r\nline2\r\n',
    'a\n',
    'a\n\n',
    '{% if t %}\na\n{% endif %}\n\nb\n',
    "{{ 'a\\'b' }}",
    '{% set x = "a" %}{% if t %}{% set x = "b" %}{% endif %}{{ x }}',
    '{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}',
    '{% set u = l if zz else [] %}{{ u }}',
    '{{ m[0]["role"] == "user" and (m|length) > 1 }}',
    '{% for x in m[1:] %}{{ x.role }}{% endfor %}',
    '{% set loop_messages = m[1:] %}{{ loop_messages|length }}',
    '{% if "a" is string and m is not mapping %}ok{% endif %}',
    '{% if not (m[0].role == "user") != (a % 2 == 0) %}E{% else %}F{% endif %}',
    "{% for x in [] %}{% endfor %}{{ '' if not l else l[0] }}",
    "{{ [1,2,3][1] }}{{ (1,2)[0] }}{{ 'abc'[0] }}",
    '{%- for x in l -%}\n {{- x -}} \n{%- endfor -%}\n',
    '{{ a.__class__ }}',
    "{{ ''.__class__.__mro__ }}",
    "{{ 'a' 'b' ~ 'c' }}",
    "{{ a ~ ' ' ~ (b if t) }}",
    '{%if t%}x{%endif%}{{a}}{%-if t-%} y {%-endif-%}',
]


def environment():
    class Generation(jinja2.ext.Extension):
        tags = {"generation"}

        def parse(self, parser):
            next(parser.stream)
            return parser.parse_statements(["name:endgeneration"], drop_needle=True)

    def refuse(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                          sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = refuse
    return env


def main():
    env = environment()
    talks = [{"messages": talk, "tools": tools, "add_generation_prompt": gen, "bos_token": "<s>",
              "eos_token": "</s>"} for talk in TALKS for tools, gen in ((None, True), ([TOOL], False))]
    groups = [(c, range(1, len(talks) + 1)) for c in CHAT.values()]
    groups += [("{{ " + x + " }}", [0]) for x in EXPRESSIONS] + [(x, [0]) for x in TEMPLATES]
    variables = [VARS] + talks
    print(json.dumps({"vars": variables}, ensure_ascii=False))
    for template, indexes in groups:
        runs = []
        for i in indexes:
            try:
                expect = env.from_string(template).render(**variables[i])
            except Exception:  # whatever it is: the template or these variables are refused
                expect = None
            runs.append([i, expect])
        print(json.dumps({"template": template, "runs": runs}, ensure_ascii=False))



main()

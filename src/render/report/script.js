/* Everything works without this; it adds search, jumping into the digest and a time cursor. */
(function () {
  'use strict';
  var player = document.getElementById('player');
  function jump(seconds) {
    if (!player) return false;
    player.currentTime = seconds;
    player.scrollIntoView({ block: 'center' });
    var started = player.play();
    if (started && started.catch) started.catch(function () {});
    return true;
  }
  document.addEventListener('click', function (event) {
    var link = event.target.closest ? event.target.closest('a.jump') : null;
    if (link && jump(parseFloat(link.dataset.t))) event.preventDefault();
  });

  var find = document.getElementById('find'), only = document.getElementById('only');
  var box = document.querySelector('.search'), found = document.getElementById('found');
  var cues = [].slice.call(document.querySelectorAll('.cues li'));
  if (find && cues.length) {
    box.hidden = false;
    var texts = cues.map(function (li) { return li.querySelector('.said').textContent.toLowerCase(); });
    var details = document.querySelector('.transcript-box'), wait = 0;
    var unmark = function (li) {
      [].forEach.call(li.querySelectorAll('mark'), function (m) { m.replaceWith(m.textContent); });
      li.querySelector('.said').normalize();
    };
    var mark = function (li, word) {
      var walker = document.createTreeWalker(li.querySelector('.said'), NodeFilter.SHOW_TEXT), nodes = [];
      while (walker.nextNode()) nodes.push(walker.currentNode);
      nodes.forEach(function (node) {
        var at = node.data.toLowerCase().indexOf(word);
        if (at < 0 || at + word.length > node.data.length) return;
        var hit = node.splitText(at), m = document.createElement('mark');
        hit.splitText(word.length);
        hit.replaceWith(m);
        m.appendChild(hit);
      });
    };
    var search = function () {
      var word = find.value.trim().toLowerCase(), n = 0;
      if (word || only.checked) details.open = true;
      cues.forEach(function (li, i) {
        var show = (!word || texts[i].indexOf(word) >= 0) && (!only.checked || li.classList.contains('in'));
        unmark(li);
        li.hidden = !show;
        if (show) n++;
        if (show && word) mark(li, word);
      });
      found.textContent = word || only.checked ? n + (n === 1 ? ' line' : ' lines') : '';
    };
    var later = function () { clearTimeout(wait); wait = setTimeout(search, 120); };
    find.addEventListener('input', later);
    only.addEventListener('change', search);
  }

  var lanes = document.getElementById('lanes');
  var axis = lanes && lanes.querySelector('[data-duration]');
  if (axis) {
    var cursor = document.createElement('div'), label = document.createElement('output');
    var duration = parseFloat(axis.getAttribute('data-duration'));
    cursor.className = 'cursor';
    cursor.hidden = true;
    cursor.appendChild(label);
    lanes.appendChild(cursor);
    var clock = function (s) {
      var pad = function (n) { return (n < 10 ? '0' : '') + n; };
      s = Math.floor(s);
      return (s >= 3600 ? Math.floor(s / 3600) + ':' + pad(Math.floor(s / 60) % 60) : Math.floor(s / 60)) + ':' + pad(s % 60);
    };
    lanes.addEventListener('pointermove', function (event) {
      var svg = axis.closest('svg').getBoundingClientRect(), host = lanes.getBoundingClientRect();
      var share = (event.clientX - svg.left) / svg.width;
      cursor.hidden = share < 0 || share > 1;
      cursor.style.left = event.clientX - host.left + lanes.scrollLeft + 'px';
      label.textContent = clock(share * duration);
    });
    lanes.addEventListener('pointerleave', function () { cursor.hidden = true; });
  }
})();
